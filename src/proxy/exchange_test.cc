#include "proxy/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using Read = net::ServerConnection::Read;

/// What an access line would say.
struct Outcome {
  bool keep = false;
  int status = 0;
  std::string endpoint;
  std::string error;
  std::uint64_t bytes = 0;
  std::optional<openai::Usage> usage;
};

net::Awaitable<Outcome> exchange_once(Services& services, net::ServerConnection& client,
                                      Exchange*& running) {
  Read read = co_await client.read_head();
  if (read == Read::kRequest) read = co_await client.read_body();
  EXPECT_EQ(read, Read::kRequest);
  const auto route = routing::match_route(client.head().target);
  log::AccessEntry entry;
  entry.request_id = "id-1";
  Exchange exchange(services, client, *route, entry);
  running = &exchange;
  Outcome outcome;
  outcome.keep = co_await exchange.run();
  running = nullptr;
  outcome.status = entry.status;
  outcome.endpoint = entry.endpoint;
  outcome.error = entry.error;
  outcome.bytes = entry.bytes;
  outcome.usage = entry.usage;
  co_return outcome;
}

/// One client's connection to the gateway, and the exchange on it.
class Asked {
 public:
  Asked(test::Gateway& gateway, std::string_view request) : Asked(gateway) { ask(request); }
  explicit Asked(test::Gateway& gateway) : gateway_(gateway), pair_(test::make_pair(gateway.loop)) {
    connection_ = std::make_shared<net::ServerConnection>(
        std::move(pair_.socket), gateway.services.deadlines, gateway.services.connection_rules);
    pair_.peer->read();
  }
  ~Asked() {
    pair_.peer->close();
    connection_->close();
    gateway_.loop.run_ready();
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  void ask(std::string_view request) {
    pair_.peer->send(request);
    running_.emplace(gateway_.loop, exchange_once(gateway_.services, *connection_, exchange_));
  }
  /// Waits for the end of the exchange; nothing may be in flight afterwards.
  const Outcome& outcome() {
    const Outcome& result = running_->get();
    gateway_.loop.run_ready();
    EXPECT_EQ(gateway_.in_flight(), 0U);
    return result;
  }
  [[nodiscard]] bool done() const { return running_->done(); }
  test::Peer& client() { return *pair_.peer; }
  net::ServerConnection& connection() { return *connection_; }
  /// Null when none runs.
  [[nodiscard]] Exchange* exchange() { return exchange_; }

 private:
  test::Gateway& gateway_;
  test::Pair pair_;
  std::shared_ptr<net::ServerConnection> connection_;
  Exchange* exchange_ = nullptr;
  std::optional<test::Started<Outcome>> running_;
};

std::string post(std::string_view body, std::string_view fields = {}) {
  return "POST /olla/vllm/v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

constexpr std::string_view kBody = R"({"model":"m","messages":[]})";
constexpr std::string_view kGet = "GET /olla/vllm/v1/models?x=1 HTTP/1.1\r\nHost: gw\r\n\r\n";
constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

struct ExchangeTest : testing::Test {
  test::Loop loop;
  test::ScriptedServer first{loop, test::answers(test::sized_answer("200 OK", "one"))};
  test::ScriptedServer second{loop, test::answers(test::sized_answer("200 OK", "two"))};
  test::Gateway one{loop, test::config_for({first.port()})};
  test::Gateway both{loop, test::config_for({first.port(), second.port()})};
};

TEST_F(ExchangeTest, RelaysTheAnswerAndSaysWhoGaveIt) {
  first.on_request(test::answers(
      test::sized_answer("200 OK", R"({"usage":{"prompt_tokens":3,"completion_tokens":4}})",
                         "X-Olla-Endpoint: spoof\r\n")));
  Asked asked(one, post(kBody));
  const Outcome& outcome = asked.outcome();
  EXPECT_TRUE(outcome.keep);
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.endpoint, "e0");
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.bytes, asked.client().received().size());
  ASSERT_TRUE(outcome.usage);
  EXPECT_EQ(outcome.usage->completion_tokens, 4U);
  EXPECT_THAT(asked.client().received(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nX-Olla-Endpoint: e0\r\n"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nX-Olla-Model: m\r\n"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nX-Olla-Request-ID: id-1\r\n"));
  EXPECT_THAT(asked.client().received(), Not(HasSubstr("spoof")));
  ASSERT_THAT(first.requests(), SizeIs(1));
  EXPECT_THAT(first.requests()[0], StartsWith("POST /v1/chat/completions HTTP/1.1\r\n"));
  EXPECT_THAT(first.requests()[0], EndsWith("\r\n\r\n" + std::string(kBody)));
}

TEST_F(ExchangeTest, UsesAConnectionAgain) {
  Asked asked(one, kGet);
  ASSERT_TRUE(asked.outcome().keep);
  asked.ask(kGet);
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_THAT(first.requests(), SizeIs(2));
  EXPECT_THAT(first.connections(), SizeIs(1));
}

TEST_F(ExchangeTest, DoesNotUseAConnectionAgainThatTheEndpointEnds) {
  for (const char* bytes : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore than announced"}) {
    SCOPED_TRACE(bytes);
    first.on_request(test::answers(bytes));
    Asked asked(one, kGet);
    EXPECT_EQ(asked.outcome().status, 200);
    EXPECT_EQ(one.services.pool.take(EndpointId(0)), nullptr);
  }
}

TEST_F(ExchangeTest, ADeadPooledConnectionIsReplacedAndNobodyBlamed) {
  for (const bool by_reset : {false, true}) {
    SCOPED_TRACE(by_reset);
    Asked asked(one, post(kBody));
    ASSERT_TRUE(asked.outcome().keep);
    if (by_reset) {
      first.connections().back()->reset();
    } else {
      first.connections().back()->close();
    }
    const std::size_t before = first.connections().size();
    asked.ask(post(kBody));
    EXPECT_EQ(asked.outcome().status, 200);
    EXPECT_THAT(first.connections(), SizeIs(before + 1));
    EXPECT_THAT(first.requests().back(), EndsWith(std::string(kBody)));
    EXPECT_THAT(one.suspected, IsEmpty());
    first.drop_connections();
    one.services.pool.clear();
  }
}

TEST_F(ExchangeTest, APooledConnectionThatDiesUnderALargeBodyIsReplaced) {
  Asked asked(one, kGet);
  ASSERT_TRUE(asked.outcome().keep);
  first.connections().back()->reset();
  const std::string body = "{\"prompt\":\"" + std::string(8 << 20, 'x') + "\"}";
  asked.ask(post(body));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_TRUE(first.requests().back().ends_with(body));
}

// Whatever endpoint is asked first, the answer comes from the one that gives one.
TEST_F(ExchangeTest, GoesOnToAnEndpointThatAnswers) {
  const test::DeadPort dead(loop);
  test::ScriptedServer resetting(loop, test::resets());
  test::ScriptedServer closing(loop, test::closes());
  test::ScriptedServer cut(loop, test::answers_and_closes("HTTP/1.1 200 OK\r\nContent-Le"));
  test::Gateway gateway(loop, test::config_for({dead.port(), resetting.port(), closing.port(),
                                                cut.port(), first.port()}));
  for (std::uint32_t turn = 0; turn < 5; ++turn) {
    SCOPED_TRACE(turn);
    gateway.services.turn = turn;
    const std::size_t before = first.requests().size();
    Asked asked(gateway, post(kBody));
    const Outcome& outcome = asked.outcome();
    EXPECT_EQ(outcome.status, 200);
    EXPECT_EQ(outcome.endpoint, "e4");
    EXPECT_TRUE(outcome.keep);
    EXPECT_THAT(first.requests(), SizeIs(before + 1));
    EXPECT_THAT(first.requests().back(), EndsWith("\r\n\r\n" + std::string(kBody)));
    EXPECT_THAT(asked.client().received(), EndsWith("\r\n\r\none"));
  }
  EXPECT_THAT(gateway.suspected, Not(IsEmpty()));
  EXPECT_THAT(gateway.suspected, Not(testing::Contains(EndpointId(4))));
}

TEST_F(ExchangeTest, NoEndpointLeftIsA503ThatSaysWhenToComeBack) {
  first.on_request(test::resets());
  second.on_request(test::closes());
  Asked asked(both, post(kBody));
  const Outcome& outcome = asked.outcome();
  EXPECT_EQ(outcome.status, 503);
  EXPECT_TRUE(outcome.keep) << "the client's connection is fine";
  EXPECT_EQ(outcome.endpoint, "");
  EXPECT_EQ(outcome.error, "no healthy endpoint");
  EXPECT_THAT(first.requests(), SizeIs(1));
  EXPECT_THAT(second.requests(), SizeIs(1));
  EXPECT_THAT(both.suspected, testing::UnorderedElementsAre(EndpointId(0), EndpointId(1)));
  EXPECT_THAT(asked.client().received(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nRetry-After: 5\r\n"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"no_healthy_endpoint\""));
}

TEST_F(ExchangeTest, AProviderWithoutEndpointsIsA503) {
  config::Config config = test::config_for({first.port()});
  config.endpoints[0].type = "openai-compatible";
  test::Gateway gateway(loop, std::move(config));
  Asked asked(gateway, kGet);
  EXPECT_EQ(asked.outcome().status, 503);
  EXPECT_THAT(asked.client().received(), HasSubstr("No endpoint of this provider is configured"));
  EXPECT_THAT(first.requests(), IsEmpty());
}

TEST_F(ExchangeTest, ASilentEndpointIsA504AndNobodyElseIsAsked) {
  both.config.proxy.response_header_timeout = milliseconds(20);
  first.on_request(test::stays_silent());
  second.on_request(test::stays_silent());
  Asked asked(both, post(kBody));
  EXPECT_EQ(asked.outcome().status, 504);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_EQ(first.requests().size() + second.requests().size(), 1U);
  EXPECT_THAT(both.suspected, SizeIs(1));
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"endpoint_timeout\""));
}

TEST_F(ExchangeTest, AnAnswerThatIsNoAnswerIsA502) {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n"}) {
    SCOPED_TRACE(bytes);
    first.on_request(test::answers(bytes));
    Asked asked(one, post(kBody));
    EXPECT_EQ(asked.outcome().status, 502);
    EXPECT_THAT(asked.client().received(), StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
    EXPECT_EQ(one.services.pool.take(EndpointId(0)), nullptr);
  }
}

TEST_F(ExchangeTest, SendsInterimAnswersOn) {
  first.on_request(
      test::answers("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                    "Link: </a>\r\n\r\n" +
                    test::sized_answer("200 OK", "x")));
  Asked asked(one, kGet);
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_THAT(asked.client().received(),
              StartsWith("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(ExchangeTest, TakesAnAnswerFromAnEndpointThatDidNotReadTheBody) {
  first.on_connection = [](test::Peer& peer) {
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\n{}");
    peer.reset();
  };
  Asked asked(one, post("{\"prompt\":\"" + std::string(1 << 20, 'x') + "\"}"));
  EXPECT_EQ(asked.outcome().status, 413);
  EXPECT_THAT(asked.client().received(), EndsWith("\r\n\r\n{}"));
}

TEST_F(ExchangeTest, ABodyThatIsNoObjectIsAnsweredHere) {
  Asked asked(one, post("[1]"));
  EXPECT_EQ(asked.outcome().status, 400);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(first.connections(), IsEmpty());
}

TEST_F(ExchangeTest, HeadHasNoBody) {
  first.on_request(test::answers("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"));
  Asked asked(one, "HEAD /olla/vllm/v1/models HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(), HasSubstr("Content-Length: 77\r\n"));
  EXPECT_THAT(asked.client().received(), EndsWith("\r\n\r\n"));
}

TEST_F(ExchangeTest, TrailersOfTheRequestGoUp) {
  Asked asked(one,
              "POST /olla/vllm/v1/completions HTTP/1.1\r\nHost: gw\r\n"
              "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nSum: 1\r\n\r\n");
  EXPECT_EQ(asked.outcome().status, 200);
  ASSERT_THAT(first.requests(), SizeIs(1));
  EXPECT_THAT(first.requests()[0], EndsWith("\r\n\r\n2\r\n{}\r\n0\r\nSum: 1\r\n\r\n"));
}

TEST_F(ExchangeTest, AnEndingGatewaySaysSo) {
  Asked asked(one, kGet);
  loop.run_until([&] { return one.in_flight() == 1; });
  asked.connection().drain();
  EXPECT_FALSE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(ExchangeTest, AClientThatLeavesBeforeTheAnswerIsA499AndFreesTheEndpoint) {
  first.on_request(test::stays_silent());
  for (const bool by_reset : {false, true}) {
    SCOPED_TRACE(by_reset);
    Asked asked(one, post(kBody));
    const std::size_t before = first.requests().size();
    loop.run_until([&] { return first.requests().size() > before; });
    EXPECT_EQ(one.in_flight(), 1U);
    if (by_reset) {
      asked.client().reset();
    } else {
      asked.client().close_sending_side();
    }
    const Outcome& outcome = asked.outcome();
    EXPECT_EQ(outcome.status, 499);
    EXPECT_EQ(outcome.error, "the client left");
    EXPECT_EQ(outcome.endpoint, "e0");
    EXPECT_EQ(outcome.bytes, 0U);
    EXPECT_FALSE(outcome.keep);
    EXPECT_THAT(one.suspected, IsEmpty());
    loop.run_until([&] { return first.connections().back()->ended(); });
  }
}

TEST_F(ExchangeTest, AClientThatLeftWithItsRequestIsA499) {
  first.on_request(test::stays_silent());
  Asked asked(one);
  asked.client().send(post(kBody));
  asked.client().close_sending_side();
  asked.ask("");
  EXPECT_EQ(asked.outcome().status, 499);
}

TEST_F(ExchangeTest, AClientThatLeavesInMidAnswerFreesTheEndpoint) {
  first.on_request(test::answers(std::string(kStreamHead) + "9\r\ndata: 1\n\n\r\n"));
  Asked asked(one, post(kBody));
  loop.run_until([&] { return asked.client().received().ends_with("data: 1\n\n\r\n"); });
  asked.client().close_sending_side();
  const Outcome& outcome = asked.outcome();
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.error, "the client left");
  EXPECT_FALSE(outcome.keep);
  EXPECT_THAT(one.suspected, IsEmpty());
  loop.run_until([&] { return first.connections().back()->ended(); });
}

TEST_F(ExchangeTest, AnEndpointThatBreaksOffIsSuspected) {
  first.on_request(test::answers_and_closes(std::string(kStreamHead) + "9\r\ndata: 1\n\n\r\n"));
  Asked asked(one, post(kBody));
  const Outcome& outcome = asked.outcome();
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.error, "the endpoint broke off");
  EXPECT_FALSE(outcome.keep);
  EXPECT_THAT(one.suspected, ElementsAre(EndpointId(0)));
  loop.run_until([&] { return asked.client().ended(); });
  EXPECT_THAT(asked.client().received(), HasSubstr("data: {\"error\":"));
}

TEST_F(ExchangeTest, ACutEndsItOnBothSidesAndBlamesNobody) {
  const std::string some = std::string(kStreamHead) + "9\r\ndata: 1\n\n\r\n";
  for (const std::string& answer : {std::string(), some}) {
    SCOPED_TRACE(answer);
    first.on_request(test::answers(answer));
    Asked asked(one, post(kBody));
    const std::size_t before = first.requests().size();
    loop.run_until([&] { return first.requests().size() > before; });
    if (!answer.empty()) loop.run_until([&] { return !asked.client().received().empty(); });
    ASSERT_NE(asked.exchange(), nullptr);
    asked.exchange()->cut();
    EXPECT_FALSE(asked.outcome().keep);
    EXPECT_THAT(one.suspected, IsEmpty());
    EXPECT_NE(asked.outcome().error, "the endpoint broke off");
    loop.run_until([&] { return asked.client().ended(); });
    EXPECT_TRUE(asked.client().was_reset());
    loop.run_until([&] { return first.connections().back()->ended(); });
  }
}

}  // namespace
}  // namespace olla::proxy
