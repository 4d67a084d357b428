#include "proxy/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/asked.h"
#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using test::Asked;
using test::kBody;
using test::kGet;
using test::kStreamHead;
using test::Outcome;
using test::post;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

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
    gateway.shared.turns.start_at(turn);
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

TEST_F(ExchangeTest, AProviderWithoutEndpointsIsA404) {
  config::Config config = test::config_for({first.port()});
  config.endpoints[0].type = "openai-compatible";
  test::Gateway gateway(loop, std::move(config));
  Asked asked(gateway, kGet);
  EXPECT_EQ(asked.outcome().status, 404);
  EXPECT_THAT(asked.client().received(), HasSubstr("No vllm endpoints available"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"no_endpoints\""));
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

/// An endpoint that takes no byte until it is told to read.
struct UnreadEndpoint {
  explicit UnreadEndpoint(test::Loop& loop)
      : acceptor(loop.io(), net::Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0)),
        gateway(loop, test::config_for({acceptor.local_endpoint().port()})) {}
  std::shared_ptr<test::Peer> accept() {
    std::shared_ptr<test::Peer> peer;
    acceptor.async_accept([&peer](net::error_code error, net::Socket socket) {
      EXPECT_FALSE(error);
      peer = std::make_shared<test::Peer>(std::move(socket));
    });
    gateway.loop.run_until([&peer] { return peer != nullptr; });
    return peer;
  }

  net::Acceptor acceptor;
  test::Gateway gateway;
};

const std::string kLargeBody = "{\"prompt\":\"" + std::string(16 << 20, 'x') + "\"}";

TEST_F(ExchangeTest, TakesAnAnswerFromAnEndpointThatReadsNoMoreAndStays) {
  UnreadEndpoint endpoint(loop);
  Asked asked(endpoint.gateway, post(kLargeBody));
  const auto peer = endpoint.accept();
  peer->send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(asked.outcome().status, 413);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(), EndsWith("\r\n\r\n{}"));
  EXPECT_THAT(endpoint.gateway.suspected, IsEmpty());
  EXPECT_EQ(endpoint.gateway.services.pool.take(EndpointId(0)), nullptr)
      << "what is left of the body would be taken for the next request";
}

TEST_F(ExchangeTest, AnInterimAnswerDoesNotEndTheBody) {
  UnreadEndpoint endpoint(loop);
  Asked asked(endpoint.gateway, post(kLargeBody));
  const auto peer = endpoint.accept();
  peer->send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
  loop.run_until([&] { return !asked.client().received().empty(); });
  peer->read();
  loop.run_until([&] { return peer->received().ends_with(kLargeBody); });
  peer->send(test::sized_answer("200 OK", "x"));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_NE(endpoint.gateway.services.pool.take(EndpointId(0)), nullptr);
}

TEST_F(ExchangeTest, ABodyThatIsNoObjectIsAnsweredHere) {
  Asked asked(one, post("[1]"));
  EXPECT_EQ(asked.outcome().status, 400);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(first.connections(), IsEmpty());
}

TEST_F(ExchangeTest, HeadHasNoBody) {
  first.on_request(test::answers("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"));
  Asked asked(one, "HEAD /olla/vllm/version HTTP/1.1\r\nHost: gw\r\n\r\n");
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

/// Two endpoints that list these models each.
struct Models {
  explicit Models(test::Gateway& gateway_in, std::vector<const char*> first_has,
                  std::vector<const char*> second_has)
      : gateway(gateway_in) {
    list(0, first_has);
    list(1, second_has);
    publish();
  }
  void list(std::uint32_t endpoint, const std::vector<const char*>& ids) const {
    std::vector<vllm::ModelEntry> entries;
    for (const char* id : ids)
      entries.push_back({.id = id});
    gateway.fleet.set_models(EndpointId(endpoint), std::move(entries), 0);
  }
  void publish() const { gateway.services.snapshot = gateway.fleet.snapshot(); }
  test::Gateway& gateway;
};

std::string chat(std::string_view members) {
  return post("{" + std::string(members) + ",\"messages\":[]}");
}

std::string body_of(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

TEST_F(ExchangeTest, AModelGoesToTheEndpointThatServesIt) {
  const Models models(both, {"m"}, {"Other/M"});
  for (int i = 0; i < 3; ++i) {
    Asked asked(both, chat(R"("model":"other/m")"));
    EXPECT_EQ(asked.outcome().endpoint, "e1");
    EXPECT_THAT(asked.client().received(), HasSubstr("\r\nX-Olla-Model: other/m\r\n"));
    EXPECT_EQ(body_of(second.requests().back()), R"({"model":"Other/M","messages":[]})");
  }
  EXPECT_THAT(first.requests(), IsEmpty());
}

TEST_F(ExchangeTest, TheModelOfAFormIsFoundWhateverItsContentTypeSays) {
  const Models models(both, {"m"}, {"Whisper"});
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--b--\r\n";
  Asked asked(both,
              "POST /olla/vllm/v1/audio/transcriptions HTTP/1.1\r\nHost: gw\r\nContent-Type: "
              "application/json\r\nContent-Length: " +
                  std::to_string(form.size()) + "\r\n\r\n" + form);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
  EXPECT_THAT(body_of(second.requests().back()), HasSubstr("\r\n\r\nWhisper\r\n--b--"));
}

TEST_F(ExchangeTest, AnUnknownModelIsA404WithTheNamesThatExist) {
  const Models models(both, {"m"}, {"n", "m"});
  Asked asked(both, chat(R"("model":"x")"));
  EXPECT_EQ(asked.outcome().status, 404);
  EXPECT_EQ(asked.outcome().error, "unknown model");
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(),
              HasSubstr("The model `x` does not exist. Valid aliases: m, n."));
  EXPECT_EQ(both.misses, 1) << "the lists were read anew before";
  EXPECT_THAT(first.requests(), IsEmpty());
  EXPECT_THAT(second.requests(), IsEmpty());
}

TEST_F(ExchangeTest, OllaW22AnUnknownModelIsToldTheAliasesToo) {
  both.config.model_aliases = {{"Chat", {"nobody-s", "N"}}, {"useless", {"nobody-s"}}};
  const Models models(both, {"m"}, {"n"});
  Asked asked(both, chat(R"("model":"x")"));
  EXPECT_EQ(asked.outcome().status, 404);
  EXPECT_THAT(asked.client().received(), HasSubstr("does not exist. Valid aliases: Chat, m, n."));
}

TEST_F(ExchangeTest, AModelThatCameSinceTheListsWereReadIsFound) {
  const Models models(both, {"m"}, {"n"});
  both.on_miss = [&] {
    both.fleet.set_models(EndpointId(1), {{.id = "x"}}, 0);
    models.publish();
  };
  Asked asked(both, chat(R"("model":"x")"));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
  EXPECT_EQ(both.in_flight(), 0U);
}

TEST_F(ExchangeTest, ListsAreReadAnewBeforeARequestGoesWhereNoListIsKnown) {
  both.fleet.set_models(EndpointId(0), {{.id = "m"}}, 0);
  both.services.snapshot = both.fleet.snapshot();
  Asked doubtful(both, chat(R"("model":"x")"));
  EXPECT_EQ(doubtful.outcome().endpoint, "e1") << "still nobody lists it";
  EXPECT_EQ(both.misses, 1);
  doubtful.ask(chat(R"("model":"y")"));
  EXPECT_EQ(doubtful.outcome().endpoint, "e1");
  EXPECT_EQ(both.misses, 1) << "that was a moment ago";
  EXPECT_EQ(both.doubts, 1) << "but they are read when the moment is over";
  both.services.lists_doubted_until = TimePoint::max();
  doubtful.ask(chat(R"("model":"y")"));
  EXPECT_EQ(doubtful.outcome().endpoint, "e1");
  EXPECT_EQ(both.doubts, 1) << "which was said a moment ago";
  both.services.lists_fresh_until = {};
  both.on_miss = [&] {
    both.fleet.set_models(EndpointId(0), {{.id = "x"}}, 0);
    both.services.snapshot = both.fleet.snapshot();
  };
  doubtful.ask(chat(R"("model":"x")"));
  EXPECT_EQ(doubtful.outcome().endpoint, "e0");
  EXPECT_EQ(both.in_flight(), 0U);
}

TEST_F(ExchangeTest, ListsThatWereNotReadAreNotTakenForNew) {
  const Models models(both, {"m"}, {"n"});
  both.holds_refreshes = true;
  Asked asked(both, chat(R"("model":"x")"));
  loop.run_until([&] { return both.misses == 1; });
  both.refreshes[0]({{EndpointId(0), ListReading::Outcome::kUnfinished}});
  EXPECT_EQ(asked.outcome().status, 404);
  EXPECT_LE(both.services.lists_fresh_until, Clock::now() + PlaceFinder::kDoubtGap);
}

TEST_F(ExchangeTest, AClientThatLeavesWhileListsAreReadGetsNoEndpoint) {
  const Models models(both, {"m"}, {"n"});
  both.holds_refreshes = true;
  Asked asked(both, chat(R"("model":"x")"));
  loop.run_until([&] { return both.misses == 1; });
  asked.client().close();
  EXPECT_EQ(asked.outcome().status, log::kClientLeft);
  EXPECT_EQ(both.in_flight(), 0U);
  both.refreshes[0]({});
  loop.run_ready();
}

TEST_F(ExchangeTest, AModelWhoseEndpointsAreDownIsA503) {
  const Models models(both, {"m"}, {"n"});
  both.fleet.set_health(EndpointId(1), fleet::Health::kUnhealthy);
  models.publish();
  Asked asked(both, chat(R"("model":"n")"));
  EXPECT_EQ(asked.outcome().status, 503);
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nRetry-After: 5\r\n"));
}

TEST_F(ExchangeTest, ParametersAreTranslatedForTheEndpointThatGetsThem) {
  both.fleet.set_version(EndpointId(0), "0.11.0");
  both.fleet.set_version(EndpointId(1), "0.32.0");
  const Models models(both, {"old"}, {"new"});
  constexpr std::string_view kGuided = R"("guided_choice":["a"])";
  Asked old(both, chat(R"("model":"old",)" + std::string(kGuided)));
  EXPECT_EQ(old.outcome().status, 200);
  EXPECT_EQ(body_of(first.requests().back()),
            R"({"model":"old","guided_choice":["a"],"messages":[]})");
  EXPECT_THAT(old.client().received(), Not(HasSubstr("X-Olla-Translated")));
  Asked fresh(both, chat(R"("model":"new",)" + std::string(kGuided)));
  EXPECT_EQ(fresh.outcome().status, 200);
  EXPECT_EQ(body_of(second.requests().back()),
            R"({"model":"new","structured_outputs":{"choice":["a"]},"messages":[]})");
  EXPECT_THAT(fresh.client().received(),
              HasSubstr("\r\nX-Olla-Translated: guided_choice->structured_outputs.choice\r\n"));
  both.config.vllm.translate_parameters = false;
  Asked off(both, chat(R"("model":"new",)" + std::string(kGuided)));
  EXPECT_EQ(off.outcome().status, 200);
  EXPECT_THAT(body_of(second.requests().back()), HasSubstr("guided_choice"));
}

TEST_F(ExchangeTest, WhatCannotBeTranslatedIsA400ThatNamesIt) {
  Asked asked(one, chat(R"("guided_regex":"a","guided_choice":["a"])"));
  EXPECT_EQ(asked.outcome().status, 400);
  EXPECT_EQ(asked.outcome().endpoint, "");
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(), HasSubstr("guided"));
  EXPECT_THAT(first.requests(), IsEmpty());
}

TEST_F(ExchangeTest, TheBestOfSeveralAnswersIsChosenHere) {
  first.on_request(test::answers(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
      test::chunked({R"({"choices":[{"index":0,"text":"bad","logprobs":{"token_logprobs":[-9]}},)",
                     R"({"index":1,"text":"good","logprobs":{"token_logprobs":[-1]}}],)",
                     R"("usage":{"prompt_tokens":2,"completion_tokens":5}})"}) +
      "0\r\n\r\n"));
  const std::string body = R"({"prompt":"x","best_of":2})";
  Asked asked(one,
              "POST /olla/vllm/v1/completions HTTP/1.1\r\nHost: gw\r\nAccept-Encoding: gzip\r\n"
              "Content-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);
  const Outcome& outcome = asked.outcome();
  EXPECT_EQ(outcome.status, 200);
  EXPECT_TRUE(outcome.keep);
  ASSERT_TRUE(outcome.usage);
  EXPECT_EQ(outcome.usage->completion_tokens, 5U);
  EXPECT_THAT(first.requests().back(), HasSubstr("\"n\":2"));
  EXPECT_THAT(first.requests().back(), Not(HasSubstr("gzip")));
  const std::string& answer = asked.client().received();
  EXPECT_THAT(answer, HasSubstr("good"));
  EXPECT_THAT(answer, Not(HasSubstr("bad")));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: " + std::to_string(body_of(answer).size())));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  EXPECT_NE(one.services.pool.take(EndpointId(0)), nullptr) << "its connection is kept";
}

TEST_F(ExchangeTest, ARefusalOfWhatWasTranslatedSaysWhatTheClientWrote) {
  first.on_request(
      test::answers(test::sized_answer("400 Bad Request", R"({"error":{"message":"bad regex"}})")));
  Asked asked(one, chat(R"("guided_regex":"[")"));
  EXPECT_EQ(asked.outcome().status, 400);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(),
              EndsWith(R"x({"error":{"message":"bad regex (translated by the gateway: )x"
                       R"x(guided_regex->structured_outputs.regex)"}})x"));
  Asked plain(one, chat(R"("top_k":"x")"));
  EXPECT_THAT(plain.outcome().status, 400);
  EXPECT_THAT(plain.client().received(), EndsWith(R"({"error":{"message":"bad regex"}})"));
}

TEST_F(ExchangeTest, AnErrorInsteadOfSeveralAnswersIsPassedOn) {
  first.on_request(test::answers(test::sized_answer("400 Bad Request", R"({"error":{}})")));
  Asked asked(one, chat(R"("best_of":2)"));
  EXPECT_EQ(asked.outcome().status, 400);
  EXPECT_THAT(asked.client().received(), EndsWith("\r\n\r\n{\"error\":{}}"));
}

const std::string kBusy =
    test::sized_answer("503 Service Unavailable", R"({"error":{"message":"busy"}})");
const std::string kDraining = test::sized_answer(
    "500 Internal Server Error",
    R"({"error":{"message":"cannot schedule new futures after shutdown","code":500}})");
const std::string kNoRoute = test::sized_answer("404 Not Found", R"({"detail":"Not Found"})");

TEST_F(ExchangeTest, ABusyServerSendsTheRequestElsewhere) {
  first.on_request(test::answers(kBusy));
  for (std::uint32_t turn = 0; turn < 2; ++turn) {
    both.shared.turns.start_at(turn);
    Asked asked(both, post(kBody));
    EXPECT_EQ(asked.outcome().status, 200);
    EXPECT_EQ(asked.outcome().endpoint, "e1");
  }
  EXPECT_THAT(both.suspected, IsEmpty());
  EXPECT_THAT(first.connections(), SizeIs(1)) << "a fine connection";
  second.on_request(test::answers(kBusy));
  Asked asked(both, post(kBody));
  EXPECT_EQ(asked.outcome().status, 503) << "both are busy: the last one says so";
  EXPECT_THAT(asked.client().received(), HasSubstr("{\"error\":{\"message\":\"busy\"}}"));
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nX-Olla-Endpoint: "));
}

TEST_F(ExchangeTest, ADrainingServerIsToldAndItsRequestGoesElsewhere) {
  first.on_request(test::answers(kDraining));
  both.shared.turns.start_at(0);
  Asked asked(both, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
  EXPECT_THAT(both.draining, ElementsAre(EndpointId(0)));
  Asked alone(one, post(kBody));
  EXPECT_EQ(alone.outcome().status, 503) << "worth a retry, unlike a 500";
  EXPECT_THAT(alone.client().received(), HasSubstr("\r\nRetry-After: "));
}

TEST_F(ExchangeTest, AServerOfAnotherKindIsRememberedAndTheRequestGoesElsewhere) {
  first.on_request(test::answers(kNoRoute));
  both.shared.turns.start_at(0);
  Asked asked(both, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
  EXPECT_THAT(both.missing_routes,
              ElementsAre(testing::Pair(EndpointId(0), "/v1/chat/completions")));
  Asked alone(one, post(kBody));
  EXPECT_EQ(alone.outcome().status, 404);
  EXPECT_THAT(alone.client().received(), EndsWith("\r\n\r\n{\"detail\":\"Not Found\"}"));
}

TEST_F(ExchangeTest, OtherErrorsOfAServerAreForTheClient) {
  for (const char* status : {"500 Internal Server Error", "429 Too Many", "400 Bad Request"}) {
    first.on_request(test::answers(test::sized_answer(status, R"({"error":{"message":"x"}})")));
    second.on_request(test::answers(test::sized_answer(status, R"({"error":{"message":"x"}})")));
    Asked asked(both, post(kBody));
    EXPECT_GE(asked.outcome().status, 400);
    EXPECT_NE(asked.outcome().status, 503);
  }
  EXPECT_EQ(first.requests().size() + second.requests().size(), 3U);
}

TEST_F(ExchangeTest, AServerThatBreaksWithinAShortAnswerIsNoAnswer) {
  first.on_request(
      test::answers_and_closes("HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n{"));
  both.shared.turns.start_at(0);
  Asked asked(both, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
}

TEST_F(ExchangeTest, AnAnswerOfBeforeIsAskedForWhereItIs) {
  const std::string created =
      test::sized_answer("200 OK", R"({"id":"resp_7","object":"response"})");
  first.on_request(test::answers(created));
  second.on_request(test::answers(test::sized_answer("404 Not Found", "{}")));
  both.shared.turns.start_at(0);
  const auto create = [](const std::string& body) {
    return "POST /olla/vllm/v1/responses HTTP/1.1\r\nHost: gw\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  Asked asked(both, create(R"({"input":"x"})"));
  EXPECT_EQ(asked.outcome().endpoint, "e0");
  for (const std::string& request :
       {std::string("GET /olla/vllm/v1/responses/resp_7 HTTP/1.1\r\nHost: gw\r\n\r\n"),
        std::string("POST /olla/vllm/v1/responses/resp_7/cancel HTTP/1.1\r\nHost: gw\r\n\r\n"),
        create(R"({"input":"x","previous_response_id":"resp_7"})")}) {
    for (std::uint32_t turn = 0; turn < 2; ++turn) {
      both.shared.turns.start_at(turn);
      Asked again(both, request);
      EXPECT_EQ(again.outcome().endpoint, "e0") << request;
    }
  }
  both.fleet.set_health(EndpointId(0), fleet::Health::kUnhealthy);
  both.services.snapshot = both.fleet.snapshot();
  Asked down(both, "GET /olla/vllm/v1/responses/resp_7 HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(down.outcome().status, 503) << "nobody else has it";
}

TEST_F(ExchangeTest, AnErrorEventCountsAgainstTheEndpoint) {
  const std::string stream = "data: {\"error\": {\"message\": \"x\"}}\n\ndata: [DONE]\n\n";
  first.on_request(test::answers(std::string(kStreamHead) + test::chunked({stream}) + "0\r\n\r\n"));
  Asked asked(one, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().error, "the endpoint told an error");
  EXPECT_TRUE(asked.outcome().keep) << "the answer is whole";
  EXPECT_THAT(asked.client().received(), EndsWith("0\r\n\r\n"));
  EXPECT_THAT(one.suspected, ElementsAre(EndpointId(0)));
}

TEST_F(ExchangeTest, AStreamThatFallsSilentWhileThePortRefusesEnds) {
  first.on_request(test::answers(std::string(kStreamHead) + "9\r\ndata: 1\n\n\r\n"));
  Asked asked(one, post(kBody));
  loop.run_until([&] { return asked.client().received().ends_with("data: 1\n\n\r\n"); });
  loop.run_for(net::UpstreamConnection::kSilence + milliseconds(100));
  EXPECT_FALSE(asked.done()) << "silence alone is no reason";
  one.fleet.set_refuses(EndpointId(0), true);
  one.services.snapshot = one.fleet.snapshot();
  EXPECT_EQ(asked.outcome().error, "the endpoint broke off");
  loop.run_until([&] { return asked.client().ended(); });
  EXPECT_THAT(asked.client().received(), HasSubstr("data: {\"error\":"));
}

TEST_F(ExchangeTest, ARequestThatWaitsWhileThePortRefusesGoesElsewhere) {
  first.on_request(test::stays_silent());
  both.shared.turns.start_at(0);
  Asked asked(both, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  both.fleet.set_refuses(EndpointId(0), true);
  both.services.snapshot = both.fleet.snapshot();
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
}

TEST_F(ExchangeTest, ACompressedStreamGetsNoEventOfOurs) {
  first.on_request(test::answers_and_closes(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
      "Transfer-Encoding: chunked\r\n\r\n"));
  Asked asked(one, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  loop.run_until([&] { return asked.client().ended(); });
  EXPECT_THAT(asked.client().received(), Not(HasSubstr("error")));
}

TEST_F(ExchangeTest, AMessagesStreamIsToldInItsOwnShape) {
  first.on_request(test::answers_and_closes(std::string(kStreamHead)));
  Asked asked(one,
              "POST /olla/vllm/v1/messages HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(asked.outcome().status, 200);
  loop.run_until([&] { return asked.client().ended(); });
  EXPECT_THAT(asked.client().received(),
              HasSubstr("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"));
}

// Each begins behind one failure: 2 is one more, 0 the end of the row, 1 no word about it.
TEST_F(ExchangeTest, TheBreakerLearnsWhatIsTheEndpointsFault) {
  const struct {
    const char* name;
    test::ScriptedServer::OnRequest reaction;
    std::uint32_t failures;
  } cases[] = {
      {"reset", test::resets(), 2},
      {"closed", test::closes(), 2},
      {"silent", test::stays_silent(), 2},
      {"no HTTP", test::answers("SSH-2.0-OpenSSH\r\n\r\n"), 2},
      {"500", test::answers(test::sized_answer("500 Oops", "x")), 2},
      {"502", test::answers(test::sized_answer("502 Oops", "x")), 2},
      {"504", test::answers(test::sized_answer("504 Oops", "x")), 2},
      {"broken off", test::answers_and_closes(std::string(kStreamHead) + "3\r\nabc\r\n"), 2},
      {"200", test::answers(test::sized_answer("200 OK", "x")), 0},
      {"400", test::answers(test::sized_answer("400 Bad", "x")), 0},
      {"429", test::answers(test::sized_answer("429 Slow", "x")), 0},
      {"501", test::answers(test::sized_answer("501 Never", "x")), 0},
      {"503", test::answers(test::sized_answer("503 Busy", "x")), 0},
  };
  one.config.proxy.response_header_timeout = milliseconds(20);
  fleet::Breaker& breaker = one.services.snapshot->endpoints[0].live->breaker;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    breaker.reset();
    breaker.note_failure({.entered = true}, Clock::now());
    first.on_request(c.reaction);
    Asked asked(one, post(kBody));
    asked.outcome();
    EXPECT_EQ(breaker.report(Clock::now()).failures_in_a_row, c.failures);
    first.drop_connections();
    one.services.pool.clear();
  }
}

TEST_F(ExchangeTest, TheBreakerLearnsThatAnEndpointCannotBeReached) {
  const test::DeadPort dead(loop);
  test::Gateway gateway(loop, test::config_for({dead.port()}));
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 503);
  const fleet::Breaker& breaker = gateway.services.snapshot->endpoints[0].live->breaker;
  EXPECT_EQ(breaker.report(Clock::now()).failures_in_a_row, 1U);
}

TEST_F(ExchangeTest, OllaW01ClientsThatLeaveSayNothingToTheBreaker) {
  one.config.proxy.response_header_timeout = std::chrono::seconds(30);
  first.on_request(test::stays_silent());
  for (std::size_t i = 1; i <= 6; ++i) {
    Asked asked(one, post(kBody));
    loop.run_until([&] { return first.requests().size() == i; });
    asked.client().close();
    EXPECT_EQ(asked.outcome().status, log::kClientLeft);
  }
  const fleet::Breaker& breaker = one.services.snapshot->endpoints[0].live->breaker;
  EXPECT_EQ(breaker.report(Clock::now()).failures_in_a_row, 0U);
  EXPECT_TRUE(breaker.admits(Clock::now()));
}

}  // namespace
}  // namespace olla::proxy
