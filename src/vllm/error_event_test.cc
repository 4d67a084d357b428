#include "vllm/error_event.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::vllm {
namespace {

bool finds(std::string_view stream) {
  ErrorEventScanner whole;
  whole.feed(stream);
  for (std::size_t size = 1; size < 5; ++size) {
    ErrorEventScanner cut;
    for (std::size_t at = 0; at < stream.size(); at += size)
      cut.feed(stream.substr(at, size));
    EXPECT_EQ(cut.found(), whole.found()) << stream;
  }
  return whole.found();
}

TEST(ErrorEventTest, FindsTheErrorOfAnEngineThatDied) {
  EXPECT_TRUE(
      finds("data: {\"id\":\"a\"}\n\ndata: {\"error\": {\"message\": \"x\", \"code\": 500}}\n\n"
            "data: [DONE]\n\n"));
  EXPECT_TRUE(finds("data: {\"error\":{\"message\":\"x\"}}\n\n"));
  EXPECT_TRUE(
      finds("event: message_start\ndata: {}\n\nevent: error\ndata: {\"type\":\"error\"}\n\n"));
  EXPECT_TRUE(finds("data: {}\r\n\r\ndata: {\"error\": {}}\r\n\r\n"));
}

TEST(ErrorEventTest, TextIsNoError) {
  EXPECT_FALSE(finds(""));
  EXPECT_FALSE(
      finds("data: {\"choices\":[{\"delta\":{\"content\":\"data: {\\\"error\\\"\"}}]}\n\n"));
  EXPECT_FALSE(finds("data: {\"errors\":1}\n\nevent: erro\n\nevent: ping\n"));
  EXPECT_FALSE(finds("xdata: {\"error\": {}}\n\n"));
  EXPECT_FALSE(finds(": event: error\n\n"));
}

}  // namespace
}  // namespace olla::vllm
