#include "sim/trace.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

TEST(TraceTest, ReadsRowsInTheOrderOfTheirTimes) {
  const auto rows = parse_trace(
      "{\"timestamp\": 3000, \"input_length\": 1100, \"output_length\": 9, \"hash_ids\": [0, 7, "
      "8]}\n"
      "\n"
      "{\"timestamp\": 0, \"input_length\": 1030, \"output_length\": 5, \"hash_ids\": [0, 9, 8]}",
      4096);
  ASSERT_TRUE(rows.has_value()) << rows.error().detail;
  ASSERT_EQ(rows->size(), 2U);
  const engine::Request& first = rows->front().request;
  const engine::Request& second = rows->back().request;
  EXPECT_EQ(rows->back().send, std::chrono::seconds(3));
  EXPECT_EQ(first.prompt.tokens, 1030U);
  EXPECT_EQ(first.tokens_max, 5U);
  EXPECT_EQ(first.prompt.hashes.size(), 64U);
  EXPECT_EQ(second.prompt.hashes.size(), 68U);
  // 512 tokens are the same; what comes after others is not, though its id is.
  EXPECT_EQ(first.prompt.hashes[31], second.prompt.hashes[31]);
  EXPECT_NE(first.prompt.hashes[32], second.prompt.hashes[32]);
  EXPECT_NE(second.prompt.hashes[64], second.prompt.hashes[65]);
}

TEST(TraceTest, CutsWhatDoesNotFit) {
  const auto rows = parse_trace(
      R"({"timestamp": 0, "input_length": 5000, "output_length": 5000, "hash_ids": []})", 1000);
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(rows->front().request.tokens_max, 500U);
  EXPECT_EQ(rows->front().request.prompt.tokens, 500U);
}

TEST(TraceTest, SaysWhichLineIsWrong) {
  struct Case {
    std::string text;
    std::string said;
  };
  const std::string good = R"({"timestamp": 0, "input_length": 1, "output_length": 1})";
  for (const Case& each :
       {Case{"", "line 1: the trace is empty"}, Case{"\n\n", "line 1: the trace is empty"},
        Case{good + "\n[]", "line 2: is no JSON object"},
        Case{good + "\n{", "line 2: is no JSON object"},
        Case{R"({"timestamp": 0, "input_length": 0, "output_length": 1})", "line 1: needs"},
        Case{R"({"timestamp": -1, "input_length": 1, "output_length": 1})", "line 1: needs"},
        Case{R"({"timestamp": 0, "input_length": 1.5, "output_length": 1})", "line 1: needs"},
        Case{R"({"timestamp": 0, "input_length": 1, "output_length": 1e30})", "line 1: needs"},
        Case{R"({"timestamp": 0, "input_length": 1})", "line 1: needs"}}) {
    const auto rows = parse_trace(each.text, 1000);
    ASSERT_FALSE(rows.has_value()) << each.text;
    EXPECT_TRUE(rows.error().detail.starts_with(each.said)) << rows.error().detail;
  }
  EXPECT_TRUE(parse_trace(good, 1000).has_value());
}

}  // namespace
}  // namespace olla::sim
