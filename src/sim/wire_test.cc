#include "sim/wire.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

constexpr std::int64_t kWhen = 1'795'399'209;

TEST(WireTest, WritesTheHeadOfAnAnswerInTheOrderOfARealServer) {
  EXPECT_EQ(answer_head(json_answer("{}"), {kWhen, true}),
            "HTTP/1.1 200 OK\r\n"
            "date: Mon, 23 Nov 2026 02:00:09 GMT\r\n"
            "server: uvicorn\r\n"
            "content-length: 2\r\n"
            "content-type: application/json\r\n"
            "vary: Origin\r\n"
            "connection: close\r\n\r\n");
  EXPECT_EQ(answer_head(empty_answer(), {kWhen, false}),
            "HTTP/1.1 200 OK\r\n"
            "date: Mon, 23 Nov 2026 02:00:09 GMT\r\n"
            "server: uvicorn\r\n"
            "content-length: 0\r\n"
            "vary: Origin\r\n\r\n");
}

TEST(WireTest, WritesTheHeadOfAStreamInTheOrderOfARealServer) {
  EXPECT_EQ(stream_head(stream_fields(Dialect::kNew), {kWhen, true}),
            "HTTP/1.1 200 OK\r\n"
            "date: Mon, 23 Nov 2026 02:00:09 GMT\r\n"
            "server: uvicorn\r\n"
            "content-type: text/event-stream; charset=utf-8\r\n"
            "vary: Origin\r\n"
            "connection: close\r\n"
            "transfer-encoding: chunked\r\n\r\n");
}

TEST(WireTest, WritesAChunkWithItsSizeInHexadecimal) {
  EXPECT_EQ(chunk("data: [DONE]\n\n"), "e\r\ndata: [DONE]\n\n\r\n");
}

TEST(WireTest, RefusesWebSocketsInAVoiceOfItsOwn) {
  EXPECT_EQ(websocket_refusal(kWhen),
            "HTTP/1.1 403 Forbidden\r\n"
            "Date: Mon, 23 Nov 2026 02:00:09 GMT\r\n"
            "Connection: close\r\n"
            "Content-Length: 0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n");
}

TEST(WireTest, RefusesOtherProtocolsInPlainText) {
  EXPECT_EQ(invalid_request(kWhen),
            "HTTP/1.1 400 Bad Request\r\n"
            "date: Mon, 23 Nov 2026 02:00:09 GMT\r\n"
            "server: uvicorn\r\n"
            "content-type: text/plain; charset=utf-8\r\n"
            "content-length: 30\r\n"
            "connection: close\r\n\r\n"
            "Invalid HTTP request received.");
}

}  // namespace
}  // namespace olla::sim
