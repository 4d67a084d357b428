#include "proxy/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

/// One client's connection, served to its end.
class Served {
 public:
  explicit Served(test::Gateway& gateway) : gateway_(gateway) {
    test::Pair pair = test::make_pair(gateway.loop);
    client_ = std::move(pair.peer);
    client_->read();
    session_.emplace(gateway.services, std::move(pair.socket));
    running_.emplace(gateway.loop, session_->run());
  }
  ~Served() {
    client_->close();
    finish();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  test::Peer& client() { return *client_; }
  Session& session() { return *session_; }
  void finish() {
    running_->get();
    gateway_.loop.run_ready();
  }
  [[nodiscard]] bool done() const { return running_->done(); }
  /// Waits until the gateway closed the connection, and returns all that it sent.
  const std::string& all_received() {
    gateway_.loop.run_until([this] { return client_->ended(); });
    return client_->received();
  }

 private:
  test::Gateway& gateway_;
  std::shared_ptr<test::Peer> client_;
  std::optional<Session> session_;
  std::optional<test::Started<void>> running_;
};

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: gw\r\n" + std::string(fields) + "\r\n";
}

struct SessionTest : testing::Test {
  test::Loop loop;
  test::ScriptedServer server{loop, [](test::Peer& peer, const std::string& request) {
                                const std::string path = request.substr(0, request.find(" HTTP"));
                                peer.send(test::sized_answer("200 OK", path));
                              }};
  test::Gateway gateway{loop, test::config_for({server.port()})};
};

TEST_F(SessionTest, AnswersPipelinedRequestsInTheirOrder) {
  Served served(gateway);
  served.client().send(
      get("/olla/vllm/v1/audio/a") + get("/internal/health") + get("/olla/proxy/v1/audio/b") +
      "POST /olla/openai/v1/audio/c HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nok" +
      get("/nowhere", "Connection: close\r\n"));
  const std::string& all = served.all_received();
  std::size_t at = 0;
  for (const char* part :
       {"GET /v1/audio/a", "{}", "GET /v1/audio/b", "POST /v1/audio/c", "unknown_route"}) {
    at = all.find(part, at);
    ASSERT_NE(at, std::string::npos) << part;
  }
  EXPECT_THAT(server.requests(), SizeIs(3));
  EXPECT_THAT(server.connections(), SizeIs(1));
}

TEST_F(SessionTest, OllaW33CountsWhatGoesToEndpointsAndNotItsOwnDocuments) {
  Served served(gateway);
  served.client().send(get("/olla/vllm/v1/audio/a") + get("/internal/health") +
                       get("/olla/vllm/health") + get("/olla/vllm/v1/models") +
                       get("/olla/vllm/..", "") + get("/nowhere") +
                       "POST /olla/openai/v1/audio/c HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n"
                       "Connection: close\r\n\r\nok");
  served.all_received();
  served.finish();
  const metrics::Totals totals = gateway.shared.metrics.totals();
  EXPECT_EQ(totals.requests, 4U);
  EXPECT_EQ(totals.failures, 0U);
  EXPECT_EQ(totals.rejected, (std::map<std::string, std::uint64_t, std::less<>>{
                                 {"invalid_path", 1}, {"unknown_route", 1}}));
  ASSERT_THAT(totals.pairs, SizeIs(1));
  EXPECT_EQ(totals.pairs[0].tally.successes(), 2U);
  EXPECT_EQ(totals.pairs[0].tally.bytes_in, 2U);
  EXPECT_GT(totals.pairs[0].tally.bytes_out, 100U);
}

TEST_F(SessionTest, AnswersForTheFleetByItself) {
  Served served(gateway);
  served.client().send(get("/olla/vllm/health") + get("/olla/vllm/ping") +
                       get("/olla/vllm/v1/models") + get("/olla/openai/v1/models/x") +
                       get("/olla/vllm/metrics", "Accept-Encoding: gzip\r\n") +
                       get("/olla/vllm/health?endpoint=x", "Connection: close\r\n"));
  const std::string& all = served.all_received();
  std::size_t at = 0;
  for (const char* part :
       {"{\"status\":\"healthy\"", "Content-Length: 0\r\n", "{\"object\":\"list\",\"data\":[]}",
        "The model `x` does not exist.", "Content-Encoding: gzip\r\n", "\"endpoint_not_found\""}) {
    at = all.find(part, at);
    ASSERT_NE(at, std::string::npos) << part;
  }
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST_F(SessionTest, SaysWithWhichMethodsADocumentIsRead) {
  Served served(gateway);
  served.client().send(
      "PUT /olla/vllm/ping HTTP/1.1\r\nHost: gw\r\n\r\n"
      "POST /olla/vllm/health HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
  const std::string& all = served.all_received();
  const std::size_t ping = all.find("Allow: GET, HEAD, POST\r\n");
  ASSERT_NE(ping, std::string::npos);
  EXPECT_NE(all.find("Allow: GET, HEAD\r\n", ping), std::string::npos);
}

TEST_F(SessionTest, DecodesTheIdOfAModelOnce) {
  gateway.fleet.set_models(EndpointId(0), {{.id = "a%20b/c"}}, 0);
  gateway.services.snapshot = gateway.fleet.snapshot();
  for (const char* path : {"/olla/vllm/v1/models/a%2520b/c", "/olla/vllm/v1/models/a%2520b%2Fc",
                           "/olla/vllm/v1/%6dodels/a%2520b%2fc"}) {
    SCOPED_TRACE(path);
    Served served(gateway);
    served.client().send(get(path, "Connection: close\r\n"));
    EXPECT_THAT(served.all_received(), HasSubstr("{\"id\":\"a%20b/c\""));
  }
  Served served(gateway);
  served.client().send(get("/olla/vllm/v1/%6dodels/a%00b", "Connection: close\r\n"));
  EXPECT_THAT(served.all_received(), HasSubstr("\"invalid_path\""));
}

TEST_F(SessionTest, NoPathLeadsOutOfAnEndpoint) {
  for (const char* path : {"/olla/vllm/../x", "/olla/proxy/v1/..%2f..%2fx", "/olla/openai/%2e%2e/x",
                           "/olla/vllm/v1/models/..\\x"}) {
    SCOPED_TRACE(path);
    Served served(gateway);
    served.client().send(get(path, "Connection: close\r\n"));
    EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(served.all_received(), HasSubstr("\"code\":\"invalid_path\""));
  }
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST_F(SessionTest, GuardedRoutesAreForThoseThatTheConfigLists) {
  for (const char* path : {"/olla/vllm/sleep", "/olla/vllm/%73leep", "/olla/proxy/docs"}) {
    SCOPED_TRACE(path);
    Served served(gateway);
    served.client().send(get(path, "Connection: close\r\n"));
    EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
    EXPECT_THAT(served.all_received(), HasSubstr("vllm.admin_routes"));
  }
  EXPECT_THAT(server.requests(), SizeIs(0));
  gateway.config.vllm.admin_routes = {"/sleep"};
  Served served(gateway);
  served.client().send(
      get("/olla/vllm/%73leep?level=1&endpoint=e0&x=%20", "Connection: close\r\n"));
  EXPECT_THAT(served.all_received(), HasSubstr("GET /%73leep?level=1&x=%20"));
}

TEST_F(SessionTest, AnAdministratorMayNameAnyEndpointAndMustNameOneOfSeveral) {
  test::Gateway two(loop, test::config_for({server.port(), server.port()}));
  two.config.vllm.admin_routes = {"/wake_up", "/v1/*"};
  two.fleet.set_health(EndpointId(1), fleet::Health::kUnhealthy);
  two.services.snapshot = two.fleet.snapshot();
  Served served(two);
  served.client().send(get("/olla/vllm/wake_up?endpoint=e1") + get("/olla/vllm/wake_up") +
                       get("/olla/vllm/wake_up?endpoint=e7", "Connection: close\r\n"));
  const std::string& all = served.all_received();
  std::size_t at = 0;
  for (const char* part : {"X-Olla-Endpoint: e1", "There are: e0, e1.", "\"endpoint_not_found\""}) {
    at = all.find(part, at);
    ASSERT_NE(at, std::string::npos) << part;
  }
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(SessionTest, AnAdapterGoesToAllThatServeItsBaseModel) {
  test::Gateway three(loop, test::config_for({server.port(), server.port(), server.port()}));
  three.config.vllm.admin_routes = {"/v1/load_lora_adapter", "/v1/unload_lora_adapter"};
  three.fleet.set_models(EndpointId(0), {{.id = "base"}, {.id = "old", .parent = "base"}}, 0);
  three.fleet.set_models(EndpointId(1), {{.id = "other"}}, 0);
  three.fleet.set_models(EndpointId(2), {{.id = "base"}}, 0);
  three.services.snapshot = three.fleet.snapshot();
  const auto ask = [&](const std::string& target, const std::string& name) {
    const std::string body = "{\"lora_name\":\"" + name + "\"}";
    Served served(three);
    served.client().send("POST /olla/vllm/v1/" + target +
                         " HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
    return served.all_received();
  };
  const std::string loaded = ask("load_lora_adapter?model=base", "new");
  EXPECT_THAT(loaded, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(loaded, HasSubstr("{\"endpoint\":\"e0\",\"status\":200,\"answer\":"
                                "\"POST /v1/load_lora_adapter\"},{\"endpoint\":\"e2\""));
  EXPECT_THAT(loaded, Not(HasSubstr("e1")));
  EXPECT_THAT(server.requests(), SizeIs(2));
  EXPECT_THAT(server.requests()[0], HasSubstr("\r\n\r\n{\"lora_name\":\"new\"}"));
  EXPECT_EQ(three.doubts, 1) << "the lists are read anew";
  EXPECT_THAT(ask("unload_lora_adapter", "old"), Not(HasSubstr("e2")));
  EXPECT_THAT(ask("load_lora_adapter", "new"), HasSubstr("\"base_model_needed\""));
  EXPECT_THAT(ask("load_lora_adapter?model=no", "new"), HasSubstr("\"model_not_found\""));
  const int before = three.doubts;
  EXPECT_THAT(ask("load_lora_adapter?endpoint=e1", "new"), HasSubstr("X-Olla-Endpoint: e1"));
  EXPECT_EQ(three.doubts, before + 1);
}

TEST_F(SessionTest, ARequestToSeveralTellsWhoAskedAsOneToOneDoes) {
  config::Config config = test::config_for({server.port(), server.port()});
  config.endpoints[0].headers = {{"X-Request-ID", "ours"}, {"Authorization", "Bearer own"}};
  config.endpoints[0].forward_client_auth = true;
  config.endpoints[1].forward_client_auth = true;
  test::ScriptedServer untrusted(loop, test::answers(test::sized_answer("200 OK", "ok")));
  config.endpoints.push_back(test::config_for({untrusted.port()}).endpoints[0]);
  config.vllm.admin_routes = {"/v1/load_lora_adapter"};
  test::Gateway three(loop, config);
  for (std::uint32_t i = 0; i < 3; ++i)
    three.fleet.set_models(EndpointId(i), {{.id = "base"}}, 0);
  three.services.snapshot = three.fleet.snapshot();
  Served served(three);
  served.client().send(
      "POST /olla/vllm/v1/load_lora_adapter HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer mine\r\n"
      "X-Request-Id: id-7\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(server.requests(),
              testing::UnorderedElementsAre(
                  testing::AllOf(HasSubstr("X-Request-ID: ours\r\n"), Not(HasSubstr("mine")),
                                 HasSubstr("Bearer own"), Not(HasSubstr("X-Request-Id: id-7"))),
                  testing::AllOf(HasSubstr("X-Request-Id: id-7\r\n"), HasSubstr("Bearer mine"),
                                 HasSubstr("X-Olla-Request-ID: id-7\r\n"))));
  ASSERT_THAT(untrusted.requests(), SizeIs(1));
  EXPECT_THAT(untrusted.requests()[0], Not(HasSubstr("Authorization")));
}

TEST_F(SessionTest, AnAdapterIsChangedWithPostAlone) {
  gateway.config.vllm.admin_routes = {"/v1/load_lora_adapter"};
  Served served(gateway);
  served.client().send(get("/olla/vllm/v1/load_lora_adapter", "Connection: close\r\n"));
  EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(served.all_received(), HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST_F(SessionTest, AddsUpTheLoadOfTheFleet) {
  server.on_request(test::answers(test::sized_answer("200 OK", R"({"server_load":4})")));
  test::ScriptedServer spaced(
      loop, test::answers(test::sized_answer("200 OK", R"({"server_load": 38})")));
  test::ScriptedServer broken(loop, test::closes());
  test::Gateway three(loop, test::config_for({server.port(), spaced.port(), broken.port()}));
  Served served(three);
  served.client().send(get("/olla/vllm/load", "Connection: close\r\n"));
  EXPECT_THAT(served.all_received(), testing::EndsWith("\r\n\r\n{\"server_load\":42}"));
}

TEST_F(SessionTest, ErrorsOfTheMessagesRoutesHaveTheirShape) {
  Served served(gateway);
  served.client().send("POST /olla/vllm/v1/messages HTTP/1.1\r\nHost: gw\r\nbad field\r\n\r\n");
  EXPECT_THAT(served.all_received(), HasSubstr("{\"type\":\"error\",\"error\":{"));
}

TEST_F(SessionTest, AnUnknownPathIsA404) {
  Served served(gateway);
  served.client().send(get("/v1", "Connection: close\r\n"));
  EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(served.all_received(), HasSubstr("\"code\":\"unknown_route\""));
}

TEST_F(SessionTest, EveryAnswerHasARequestId) {
  Served served(gateway);
  served.client().send(get("/internal/health") +
                       get("/nowhere", "X-Request-ID: mine\r\nConnection: close\r\n"));
  EXPECT_THAT(served.all_received(), HasSubstr("\r\nX-Olla-Request-ID: mine\r\n"));
  const std::string& all = served.all_received();
  const std::size_t first = all.find("X-Olla-Request-ID: ");
  EXPECT_THAT(all.substr(first, 53), MatchesRegex("X-Olla-Request-ID: [0-9a-f]{32}\r\n"));
}

TEST_F(SessionTest, ARefusalEndsTheConnectionInOrder) {
  Served served(gateway);
  served.client().send("GET /olla/vllm/v1/audio/a HTTP/1.1\r\nHost: gw\r\nbad field\r\n\r\n" +
                       get("/olla/vllm/v1/audio/b"));
  EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(served.all_received(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(served.client().was_reset());
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST_F(SessionTest, AClientThatLeavesBetweenRequestsEndsIt) {
  Served served(gateway);
  served.client().send(get("/olla/vllm/v1/audio/a"));
  loop.run_until([&] { return served.client().received().ends_with("GET /v1/audio/a"); });
  served.client().close();
  served.finish();
}

TEST_F(SessionTest, DrainingEndsAnIdleOneAndLetsARunningOneFinish) {
  server.on_request(test::stays_silent());
  Served idle(gateway);
  Served running(gateway);
  running.client().send(get("/olla/vllm/v1/audio/a"));
  loop.run_until([&] { return server.requests().size() == 1; });
  idle.session().drain();
  running.session().drain();
  idle.finish();
  loop.run_ready();
  EXPECT_FALSE(running.done());
  server.connections().back()->send(test::sized_answer("200 OK", "late"));
  EXPECT_THAT(running.all_received(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(SessionTest, ACutEndsItWhateverItDoes) {
  server.on_request(test::stays_silent());
  Served idle(gateway);
  Served reading(gateway);
  Served running(gateway);
  reading.client().send(
      "POST /olla/vllm/v1/audio/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\n12");
  running.client().send(get("/olla/vllm/v1/audio/a"));
  loop.run_until([&] { return server.requests().size() == 1; });
  for (Served* one : {&idle, &reading, &running}) {
    one->session().cut();
    one->finish();
    loop.run_until([&] { return one->client().ended(); });
    EXPECT_TRUE(one->client().was_reset());
  }
  EXPECT_EQ(gateway.in_flight(), 0U);
}

/// One random way for an endpoint to behave.
void misbehave(Random& random, test::Peer& peer) {
  const std::string stream =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      test::chunked({"data: 1\n\n", "data: 2\n\n"});
  const std::string large = test::sized_answer("200 OK", std::string(300'000, 'x'));
  switch (random.below(12)) {
    case 0:
      return peer.reset();
    case 1:
      return peer.close();
    case 2:
      return peer.send("no HTTP\r\n\r\n");
    case 3:
      peer.send(stream);
      return peer.close_sending_side();
    case 4:
      peer.send(stream);
      return peer.reset();
    case 5:
      peer.send(large.substr(0, random.below(large.size())));
      return peer.close_sending_side();
    case 6:
      return peer.send(large);
    case 7:
      return peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naX");
    case 8:
      peer.send("HTTP/1.0 200 OK\r\n\r\nuntil the close");
      return peer.close_sending_side();
    case 9:
      return;  // Silence.
    case 10:
      return peer.send(stream + "0\r\n\r\n");
    default:
      return peer.send(test::sized_answer("200 OK", "fine"));
  }
}

std::string random_requests(Random& random) {
  std::string out;
  const std::uint64_t count = 1 + random.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string body =
        "{\"model\":\"m\",\"x\":\"" + std::string(random.below(20'000), 'x') + "\"}";
    switch (random.below(6)) {
      case 0:
        out.append(get("/internal/health"));
        break;
      case 1:
        out.append("nonsense\r\n\r\n");
        break;
      case 2:
        out.append(get("/olla/vllm/version"));
        break;
      default:
        out.append("POST /olla/vllm/v1/completions HTTP/1.1\r\nHost: gw\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + body);
    }
  }
  return out;
}

/// One client with a whim of its own: how much it sends, and when and how it leaves.
void one_visit(Random& random, test::Gateway& gateway) {
  Served served(gateway);
  const std::string requests = random_requests(random);
  const bool whole = random.below(3) != 0;
  served.client().send(requests.substr(0, whole ? requests.size() : random.below(requests.size())));
  const std::uint64_t steps = random.below(60);
  for (std::uint64_t step = 0; step < steps && gateway.loop.io().poll_one() > 0; ++step) {
  }
  // Some clients wait for so long that the endpoint's time is over.
  if (random.below(30) == 0) gateway.loop.run_for(milliseconds(30));
  switch (random.below(4)) {
    case 0:
      served.client().reset();
      break;
    case 1:
      served.session().cut();
      break;
    case 2:
      served.client().close_sending_side();
      break;
    default:
      served.client().close();
  }
  served.finish();
}

TEST_F(SessionTest, NothingIsLeftAfterTwoThousandVisitsOfAllKinds) {
  const std::uint64_t seed = system_seed();
  SCOPED_TRACE(testing::Message() << "seed=" << seed);
  Random random(seed);
  const test::ScriptedServer::OnRequest at_random =
      [&random](test::Peer& peer, const std::string&) { misbehave(random, peer); };
  std::array<test::ScriptedServer, 3> servers = {test::ScriptedServer(loop, at_random),
                                                 test::ScriptedServer(loop, at_random),
                                                 test::ScriptedServer(loop, at_random)};
  const test::DeadPort dead(loop);
  config::Config config =
      test::config_for({servers[0].port(), dead.port(), servers[1].port(), servers[2].port()});
  config.proxy.response_header_timeout = milliseconds(20);
  config.proxy.read_timeout = milliseconds(20);
  config.proxy.breaker.enabled = false;  // Nobody would be asked for long.
  test::Gateway fleet(loop, std::move(config));
  const std::size_t descriptors = test::open_descriptors();
  for (int visit = 0; visit < 2000 && !HasFailure(); ++visit) {
    SCOPED_TRACE(visit);
    one_visit(random, fleet);
    ASSERT_EQ(fleet.in_flight(), 0U);
  }
  fleet.services.pool.clear();
  std::size_t asked = 0;
  for (test::ScriptedServer& one : servers) {
    asked += one.requests().size();
    one.drop_connections();
  }
  EXPECT_GT(asked, 1000U) << "the visits end too early to show anything";
  loop.run_ready();
  EXPECT_EQ(test::open_descriptors(), descriptors);
}

config::Config limited(std::uint16_t port) {
  config::Config config = test::config_for({port});
  config.server.rate_limits.per_ip_requests_per_minute = 1;
  config.server.rate_limits.burst_size = 1;
  return config;
}

std::string post(std::size_t length, std::string_view body) {
  return "POST /olla/vllm/v1/audio/x HTTP/1.1\r\nHost: gw\r\nContent-Length: " +
         std::to_string(length) + "\r\n\r\n" + std::string(body);
}

TEST_F(SessionTest, AConnectionGoesOnAfterARequestOverTheLimit) {
  test::Gateway strict(loop, limited(server.port()));
  Served served(strict);
  served.client().send(post(2, "{}") + post(2, "{}") +
                       get("/internal/health", "Connection: close\r\n"));
  const std::string& all = served.all_received();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200 OK\r\n"));
  const std::size_t denied = all.find("HTTP/1.1 429 Too Many Requests\r\n");
  ASSERT_NE(denied, std::string::npos);
  EXPECT_THAT(all.substr(denied), HasSubstr("X-RateLimit-Remaining: 0\r\n"));
  EXPECT_THAT(all.substr(denied), HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(SessionTest, ALargeBodyOverTheLimitIsNotWaitedFor) {
  test::Gateway strict(loop, limited(server.port()));
  Served served(strict);
  served.client().send(get("/olla/vllm/v1/audio/x"));
  loop.run_until([&] { return served.client().received().ends_with("GET /v1/audio/x"); });
  served.client().send(post(100'000, "the beginning"));
  loop.run_until(
      [&] { return served.client().received().find("HTTP/1.1 429 ") != std::string::npos; });
  EXPECT_THAT(served.all_received(), HasSubstr("Connection: close\r\n"));
}

TEST_F(SessionTest, WhatEveryAnswerTellsAClientReplacesTheEndpoints) {
  test::ScriptedServer chatty(loop, [](test::Peer& peer, const std::string&) {
    peer.send(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nX-RateLimit-Limit: 7\r\n"
        "X-RateLimit-Limit-Tokens: 8\r\nContent-Length: 0\r\n\r\n");
  });
  config::Config config = limited(chatty.port());
  config.server.cors.enabled = true;
  config.server.cors.allowed_origins = {"http://app.example"};
  test::Gateway strict(loop, std::move(config));
  Served served(strict);
  served.client().send(
      get("/olla/vllm/v1/audio/x", "Origin: http://app.example\r\nConnection: close\r\n"));
  const std::string& all = served.all_received();
  EXPECT_THAT(all, HasSubstr("Access-Control-Allow-Origin: http://app.example\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("Access-Control-Allow-Origin: *")));
  EXPECT_THAT(all, HasSubstr("X-RateLimit-Limit: 1\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("X-RateLimit-Limit: 7")));
  EXPECT_THAT(all, HasSubstr("X-RateLimit-Limit-Tokens: 8\r\n"));
}

TEST_F(SessionTest, ThoseFieldsOfAnEndpointPassWhereTheGatewayHasNoneOfItsOwn) {
  test::ScriptedServer chatty(loop, [](test::Peer& peer, const std::string&) {
    peer.send(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nX-RateLimit-Limit: 7\r\n"
        "Content-Length: 0\r\n\r\n");
  });
  test::Gateway open(loop, test::config_for({chatty.port()}));
  Served served(open);
  served.client().send(get("/olla/vllm/v1/audio/x", "Connection: close\r\n"));
  EXPECT_THAT(served.all_received(),
              HasSubstr("Access-Control-Allow-Origin: *\r\nX-RateLimit-Limit: 7\r\n"));
}

TEST_F(SessionTest, CountsRequestsThatAreTooLarge) {
  Served served(gateway);
  served.client().send(post(std::size_t{65} << 20, ""));
  EXPECT_THAT(served.all_received(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(gateway.shared.gate.violations.size(), 1u);
}

TEST_F(SessionTest, APreflightsAnswerHasNoLength) {
  config::Config config = test::config_for({server.port()});
  config.server.cors.enabled = true;
  test::Gateway open(loop, std::move(config));
  Served served(open);
  served.client().send(
      "OPTIONS /olla/vllm/v1/chat/completions HTTP/1.1\r\nHost: gw\r\nOrigin: http://a\r\n"
      "Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n");
  const std::string& all = served.all_received();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(all, Not(HasSubstr("Content-Type")));
  EXPECT_THAT(server.requests(), SizeIs(0));
}

}  // namespace
}  // namespace olla::proxy
