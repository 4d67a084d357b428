#include "proxy/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/loop.h"
#include "test/peer.h"

namespace olla::proxy {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(AnswerTest, AnErrorHasTheShapeOfTheOpenAiApi) {
  const OwnAnswer answer = make_error(503, "no_healthy_endpoint", "Say \"later\".");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, R"({"error":{"message":"Say \"later\".","type":"Service Unavailable",)"
                         R"("param":null,"code":"no_healthy_endpoint"}})");
}

TEST(AnswerTest, ARefusalHasAWordForEachStatus) {
  const std::pair<int, const char*> cases[] = {
      {400, "malformed_request"},        {408, "request_timeout"},
      {413, "request_too_large"},        {417, "expectation_failed"},
      {431, "headers_too_large"},        {501, "transfer_coding_unsupported"},
      {505, "http_version_unsupported"},
  };
  for (const auto& [status, word] : cases) {
    const OwnAnswer answer = make_refusal({status, "No."}, vllm::ErrorShape::kOpenAi);
    EXPECT_EQ(answer.status, status);
    EXPECT_THAT(answer.body, HasSubstr("\"code\":\"" + std::string(word) + "\""));
    EXPECT_THAT(answer.body, HasSubstr("\"message\":\"No.\""));
  }
}

struct AnswerWire : testing::Test {
  ~AnswerWire() override {
    client->close();
    connection->close();
    deadlines.expire_all();
    loop.run_out();
  }
  /// What the client gets for `request`.
  std::string answered(std::string_view request, bool keep_alive) {
    client->read();
    client->send(request);
    EXPECT_EQ(run(loop, connection->read_head()), net::ServerConnection::Read::kRequest);
    const OwnAnswer own{404, "{}", "Retry-After: 1\r\n"};
    EXPECT_TRUE(run(loop, send_answer(*connection, own, "id-1", keep_alive)));
    loop.run_ready();
    return client->received();
  }

  test::Loop loop;
  net::Deadlines deadlines{loop.io()};
  net::ConnectionRules rules{.idle_timeout = std::chrono::seconds(9),
                             .read_header_timeout = std::chrono::seconds(9),
                             .read_timeout = std::chrono::seconds(9),
                             .write_timeout = std::chrono::seconds(9),
                             .head = {},
                             .max_body_size = 9};
  test::Pair pair = test::make_pair(loop);
  std::shared_ptr<test::Peer> client = pair.peer;
  std::shared_ptr<net::ServerConnection> connection =
      std::make_shared<net::ServerConnection>(std::move(pair.socket), deadlines, rules);
};

TEST_F(AnswerWire, CarriesTheRequestIdAndTheFieldsGiven) {
  const std::string text = answered("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nX-Olla-Request-ID: id-1\r\nRetry-After: 1\r\n"));
  EXPECT_THAT(text, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("Connection:")));
  EXPECT_THAT(text, EndsWith("\r\n\r\n{}"));
}

TEST_F(AnswerWire, SaysThatTheConnectionEnds) {
  EXPECT_THAT(answered("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false),
              HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(AnswerWire, HasNoBodyForHead) {
  const std::string text = answered("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", true);
  EXPECT_THAT(text, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(text, EndsWith("\r\n\r\n"));
}

TEST_F(AnswerWire, TellsAnOldClientThatTheConnectionStays) {
  EXPECT_THAT(answered("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
              HasSubstr("\r\nConnection: keep-alive\r\n"));
}

}  // namespace
}  // namespace olla::proxy
