#include "proxy/scraper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/names.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::string metrics(int running, double awake = 1) {
  return "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} " + std::to_string(running) +
         "\nvllm:engine_sleep_state{engine=\"0\",model_name=\"m\",sleep_state=\"awake\"} " +
         std::to_string(awake) + "\n";
}

/// A vLLM that shows metrics, with a GPU exporter at /gpu.
class Endpoint {
 public:
  explicit Endpoint(test::Loop& loop)
      : server(loop, [this](test::Peer& peer, const std::string& request) {
          const bool gpu = request.starts_with("GET /gpu ");
          ++(gpu ? gpu_asked : asked);
          peer.send(test::sized_answer(gpu ? gpu_status : status, gpu ? "gpu text" : text));
        }) {}

  int asked = 0;
  int gpu_asked = 0;
  std::string status = "200 OK";
  std::string gpu_status = "200 OK";
  std::string text = metrics(3);
  test::ScriptedServer server;
};

class Scraping {
 public:
  Scraping(test::Loop& loop, config::Config config_in, Duration interval)
      : config(std::move(config_in)),
        loop_(loop),
        scraper(asker_, fleet, interval, logger,
                {.figures_read = [this] { ++read; },
                 .changed = [this] { ++changed; },
                 .refused = [this](EndpointId id) { refused.push_back(id); }}) {
    for (std::uint32_t i = 0; i < fleet.size(); ++i) {
      const config::Url& url = config.endpoints[i].address;
      fleet.set_addresses(EndpointId(i), {*net::literal_address(url.host, url.port)});
      fleet.set_health(EndpointId(i), fleet::Health::kHealthy);
    }
    scraper.start();
  }
  ~Scraping() {
    scraper.stop();
    deadlines_.expire_all();
    loop_.run_ready();
  }
  Scraping(const Scraping&) = delete;
  Scraping& operator=(const Scraping&) = delete;

  const fleet::EndpointView& view() { return fleet.view(EndpointId(0)); }

  const config::Config config;
  log::Logger logger{config.logging};
  fleet::Fleet fleet{config.endpoints};
  int read = 0;
  int changed = 0;
  std::vector<EndpointId> refused;

 private:
  test::Loop& loop_;
  test::Names names_;
  net::Deadlines deadlines_{loop_.io()};
  net::Resolver resolver_{loop_.io(), deadlines_, names_.look_up()};
  Asker asker_{loop_.io(), deadlines_, resolver_};

 public:
  Scraper scraper;
};

struct ScraperTest : testing::Test {
  test::Loop loop;
  Endpoint endpoint{loop};
};

TEST_F(ScraperTest, ReadsFiguresAgainAndAgain) {
  Scraping scraping(loop, test::config_for({endpoint.server.port()}), milliseconds(1));
  loop.run_until([&] { return scraping.read == 1; });
  ASSERT_NE(scraping.view().figures, nullptr);
  EXPECT_EQ(scraping.view().figures->state.running, 3U);
  EXPECT_EQ(scraping.view().figures->text, metrics(3));
  EXPECT_LE(scraping.view().figures->read_at, Clock::now());
  EXPECT_THAT(endpoint.server.requests()[0], HasSubstr("\r\nUser-Agent: olla-Metrics/v"));
  endpoint.text = metrics(5);
  loop.run_until([&] { return scraping.view().figures->state.running == 5; });
  EXPECT_EQ(scraping.changed, 0) << "its condition is the same";
}

TEST_F(ScraperTest, TellsAServerThatFallsAsleep) {
  Scraping scraping(loop, test::config_for({endpoint.server.port()}), milliseconds(1));
  loop.run_until([&] { return scraping.read == 1; });
  endpoint.text = metrics(0, 0);
  loop.run_until([&] { return scraping.changed == 1; });
  EXPECT_EQ(scraping.view().condition(), fleet::Condition::kAsleep);
  endpoint.text = metrics(0);
  loop.run_until([&] { return scraping.changed == 2; });
  EXPECT_EQ(scraping.view().condition(), fleet::Condition::kReady);
}

TEST_F(ScraperTest, AsksNoOtherTypeAndNobodyWhenItIsOff) {
  config::Config other = test::config_for({endpoint.server.port()});
  other.endpoints[0].type = "ollama";
  Scraping none(loop, std::move(other), milliseconds(1));
  Scraping off(loop, test::config_for({endpoint.server.port()}), milliseconds(0));
  loop.run_for(milliseconds(30));
  EXPECT_EQ(endpoint.asked, 0);
}

TEST_F(ScraperTest, WaitsUntilAnEndpointIsUp) {
  Scraping scraping(loop, test::config_for({endpoint.server.port()}), hours(1));
  loop.run_until([&] { return scraping.read == 1; });
  scraping.fleet.set_health(EndpointId(0), fleet::Health::kUnhealthy);
  scraping.scraper.read_now(EndpointId(0));
  loop.run_for(milliseconds(20));
  EXPECT_EQ(endpoint.asked, 1);
  scraping.fleet.set_health(EndpointId(0), fleet::Health::kHealthy);
  scraping.scraper.read_now(EndpointId(0));
  loop.run_until([&] { return scraping.read == 2; });
}

TEST_F(ScraperTest, KeepsTheFiguresAndAsksLessWhenReadingFails) {
  Scraping scraping(loop, test::config_for({endpoint.server.port()}), milliseconds(20));
  loop.run_until([&] { return scraping.read == 1; });
  endpoint.status = "500 No";
  loop.run_until([&] { return endpoint.asked == 2; });
  const TimePoint failed = Clock::now();
  loop.run_until([&] { return endpoint.asked == 3; });
  EXPECT_GE(Clock::now() - failed, milliseconds(20) * (Scraper::kFailingTimes - 1));
  EXPECT_EQ(scraping.read, 1);
  EXPECT_EQ(scraping.view().figures->state.running, 3U);
  endpoint.status = "200 OK";
  endpoint.text = "no metrics of vLLM\n";
  loop.run_until([&] { return endpoint.asked == 4; });
  EXPECT_EQ(scraping.read, 1);
}

TEST_F(ScraperTest, TellsAPortThatRefuses) {
  const test::DeadPort dead(loop);
  Scraping scraping(loop, test::config_for({dead.port()}), hours(1));
  loop.run_until([&] { return !scraping.refused.empty(); });
  EXPECT_THAT(scraping.refused, ElementsAre(EndpointId(0)));
}

TEST_F(ScraperTest, ReadsTheGpuExporterRarelyAndKeepsNothingOld) {
  config::Config config = test::config_for({endpoint.server.port()});
  config.endpoints[0].gpu_metrics_url =
      "http://127.0.0.1:" + std::to_string(endpoint.server.port()) + "/gpu";
  {
    Scraping scraping(loop, config, milliseconds(1));
    loop.run_until(
        [&] { return scraping.view().figures && scraping.view().figures->gpu_text == "gpu text"; });
    EXPECT_EQ(endpoint.gpu_asked, 1);
  }
  endpoint.gpu_status = "500 No";
  Scraping scraping(loop, config, milliseconds(1));
  loop.run_until([&] { return endpoint.gpu_asked == 2 && scraping.read == 3; });
  EXPECT_EQ(scraping.view().figures->gpu_text, "");
}

TEST_F(ScraperTest, AGpuExporterThatHangsDelaysNothing) {
  test::ScriptedServer silent(loop, test::stays_silent());
  config::Config config = test::config_for({endpoint.server.port()});
  config.endpoints[0].gpu_metrics_url =
      "http://127.0.0.1:" + std::to_string(silent.port()) + "/gpu";
  Scraping scraping(loop, config, milliseconds(1));
  loop.run_until([&] { return silent.requests().size() == 1; });
  const int read = scraping.read;
  loop.run_until([&] { return scraping.read > read + 3; });
  EXPECT_EQ(silent.requests().size(), 1U);
}

}  // namespace
}  // namespace olla::proxy
