#include "proxy/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/names.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;

std::string list_of(const std::string& owner) {
  return R"({"object":"list","data":[{"id":"m","object":"model","owned_by":")" + owner + "\"}]}";
}

/// One endpoint of type "auto", before a server that has some documents.
struct DetectorTest : testing::Test {
  ~DetectorTest() override {
    deadlines.expire_all();
    loop.run_ready();
    names.release();
  }

  static config::Config config_of(std::uint16_t port, const char* type) {
    config::Config config = test::config_for({port});
    config.endpoints[0].type = type;
    return config;
  }
  void answer(test::Peer& peer, const std::string& request) {
    const std::size_t begin = request.find(' ') + 1;
    const std::string path = request.substr(begin, request.find(' ', begin) - begin);
    asked.push_back(path);
    if (silent_at == path) return;
    const auto found = documents.find(path);
    peer.send(found == documents.end()
                  ? test::sized_answer("404 Not Found", R"({"detail":"Not Found"})")
                  : test::sized_answer("200 OK", found->second));
  }
  Detector::Result detect(milliseconds patience = std::chrono::seconds(10)) {
    Target target = target_of(fleet.endpoint(EndpointId(0)).config, "/");
    target.addresses = {*net::literal_address("127.0.0.1", server.port())};
    test::Started<Detector::Result> running(
        loop, detector.detect(EndpointId(0), std::move(target), Clock::now() + patience));
    return running.get();
  }
  [[nodiscard]] std::string kind() const { return fleet.view(EndpointId(0)).profile->name; }

  std::map<std::string, std::string> documents;
  std::string silent_at;
  std::vector<std::string> asked;
  test::Loop loop;
  test::ScriptedServer server{
      loop, [this](test::Peer& peer, const std::string& request) { answer(peer, request); }};
  config::Config config = config_of(server.port(), "auto");
  log::Logger logger{config.logging};
  fleet::Fleet fleet{config.endpoints};
  test::Names names;
  net::Deadlines deadlines{loop.io()};
  net::Resolver resolver{loop.io(), deadlines, names.look_up()};
  Asker asker{loop.io(), deadlines, resolver};
  Detector detector{asker, fleet, logger};
};

TEST_F(DetectorTest, TheFirstAnswerThatTellsIsEnough) {
  documents["/v1/models"] = list_of("vllm");
  EXPECT_EQ(detect(), Detector::Result::kFound);
  EXPECT_EQ(kind(), "vllm");
  EXPECT_THAT(asked, ElementsAre("/v1/models"));
}

TEST_F(DetectorTest, AsksOnUntilAnAnswerTells) {
  documents["/v1/models"] = list_of("library");
  documents["/api/version"] = R"({"version":"0.5.1"})";
  documents["/api/v0/models"] = R"({"data":[{"id":"m","state":"loaded"}]})";
  EXPECT_EQ(detect(), Detector::Result::kFound);
  EXPECT_EQ(kind(), "ollama");
  EXPECT_THAT(asked, ElementsAre("/v1/models", "/props", "/api/version"));
}

TEST_F(DetectorTest, AListOfModelsAloneMakesItCompatible) {
  documents["/v1/models"] = list_of("somebody");
  EXPECT_EQ(detect(), Detector::Result::kFound);
  EXPECT_EQ(kind(), "openai-compatible");
  EXPECT_GT(asked.size(), 4U) << "any other answer would have told more";
}

TEST_F(DetectorTest, OneThatTellsNothingStaysWhatItWas) {
  const std::string before = kind();
  documents["/props"] = "{}";
  EXPECT_EQ(detect(), Detector::Result::kUntold);
  EXPECT_EQ(kind(), before);
}

TEST_F(DetectorTest, AnErrorIsNoAnswerWhateverItSays) {
  server.on_request(test::answers(test::sized_answer("500 No", list_of("vllm"))));
  EXPECT_EQ(detect(), Detector::Result::kUntold);
}

TEST_F(DetectorTest, OneThatLeavesAQuestionOpenIsAskedNoMore) {
  documents["/v1/models"] = list_of("somebody");
  silent_at = "/props";
  EXPECT_EQ(detect(milliseconds(50)), Detector::Result::kSilent);
  EXPECT_THAT(asked, ElementsAre("/v1/models", "/props"));
  EXPECT_NE(kind(), "llamacpp");
}

TEST_F(DetectorTest, OneThatRefusesIsSilent) {
  server.die();
  EXPECT_EQ(detect(), Detector::Result::kSilent);
}

TEST_F(DetectorTest, AnotherServerAtTheSameAddressIsFoundOutToo) {
  documents["/v1/models"] = list_of("vllm");
  ASSERT_EQ(detect(), Detector::Result::kFound);
  documents["/v1/models"] = list_of("sglang");
  EXPECT_EQ(detect(), Detector::Result::kFound);
  EXPECT_EQ(kind(), "sglang");
}

TEST_F(DetectorTest, AsksBelowThePathOfTheEndpointsUrl) {
  config.endpoints[0].address.path = "/base/";
  fleet::Fleet below(config.endpoints);
  Detector other(asker, below, logger);
  Target target = target_of(config.endpoints[0], "/");
  target.addresses = {*net::literal_address("127.0.0.1", server.port())};
  documents["/base/v1/models"] = list_of("vllm");
  test::Started<Detector::Result> running(
      loop,
      other.detect(EndpointId(0), std::move(target), Clock::now() + std::chrono::seconds(10)));
  EXPECT_EQ(running.get(), Detector::Result::kFound);
  EXPECT_THAT(asked, Contains("/base/v1/models"));
}

}  // namespace
}  // namespace olla::proxy
