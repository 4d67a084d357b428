#include "proxy/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/probing.h"

namespace olla::proxy {
namespace {

using fleet::Health;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::checked_often;
using testing::ElementsAre;

struct DiscoveryTest : testing::Test {
  test::Loop loop;
  test::WatchedEndpoint endpoint{loop};
};

TEST_F(DiscoveryTest, AModelListThatCannotBeReadKeepsTheOldOne) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return probing.published.size() == 2; });
  const std::string too_long =
      R"({"data":[{"id":"x"}],"more":")" + std::string(1 << 20, 'x') + "\"}";
  for (const std::string& bad :
       {test::sized_answer("500 No", ""), test::sized_answer("200 OK", "[]"),
        std::string("junk\r\n\r\n"), test::sized_answer("200 OK", too_long)}) {
    SCOPED_TRACE(bad.substr(0, 50));
    endpoint.up = false;
    probing.wait_for(Health::kUnhealthy);
    endpoint.model_list = bad;
    const int before = endpoint.model_lists_asked;
    endpoint.up = true;
    probing.wait_for(Health::kHealthy);
    loop.run_until([&] { return endpoint.model_lists_asked > before; });
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.checks > checks + 3; });
    EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("a", "b"));
  }
}

TEST_F(DiscoveryTest, AModelListThatHangsDelaysNoCheck) {
  endpoint.models_silent = true;
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_interval = milliseconds(100);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  const TimePoint before = Clock::now();
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks >= checks + 3; });
  EXPECT_LT(Clock::now() - before, seconds(5)) << "a list is given up after 10 s";
  EXPECT_EQ(endpoint.model_lists_asked, 1);
  endpoint.up = false;
  probing.wait_for(Health::kUnhealthy);
}

TEST_F(DiscoveryTest, OnlyVllmServersAreAskedForTheirVersion) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].type = "ollama";
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1 && endpoint.checks > 3; });
  EXPECT_EQ(endpoint.versions_asked, 0);
}

TEST_F(DiscoveryTest, AServerWithoutAVersionHasNone) {
  for (const std::string& answer :
       {test::sized_answer("404 Not Found", ""), test::sized_answer("200 OK", "{}"),
        test::sized_answer("200 OK", R"({"version":")" + std::string(200, '1') + "\"}")}) {
    endpoint.version = answer;
    endpoint.versions_asked = 0;
    test::Probing probing(loop, checked_often({endpoint.server.port()}));
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.versions_asked == 2 && endpoint.checks > checks + 3; });
    EXPECT_EQ(probing.published.back()->endpoints[0].version, "");
  }
}

TEST_F(DiscoveryTest, ModelListsInDoubtAreReadSoonButNotAllTheTime) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  const TimePoint began = Clock::now();
  for (int i = 0; i < 10; ++i)
    probing.discovery.read_all_now();
  loop.run_until([&] { return endpoint.model_lists_asked == 2; });
  EXPECT_GE(Clock::now() - began, ModelDiscovery::kRequestedGap / 2);
  loop.run_until([&] { return endpoint.versions_asked == 3; });
  EXPECT_EQ(endpoint.model_lists_asked, 2);
}

}  // namespace
}  // namespace olla::proxy
