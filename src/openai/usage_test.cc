#include "openai/usage.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

namespace olla::openai {

void PrintTo(const Usage& usage, std::ostream* out) {
  *out << usage.prompt_tokens << " prompt, " << usage.completion_tokens << " completion, "
       << usage.cached_tokens << " cached";
}

namespace {

std::optional<Usage> scan(std::string_view payload, std::size_t piece) {
  UsageScanner scanner;
  for (std::size_t at = 0; at < payload.size(); at += piece)
    scanner.feed(payload.substr(at, piece));
  return scanner.usage();
}

void expect_at_every_piece_size(std::string_view payload, const std::optional<Usage>& expected) {
  for (std::size_t piece = 1; piece <= payload.size() + 1; ++piece)
    ASSERT_EQ(scan(payload, piece), expected) << "piece=" << piece;
}

struct Recording {
  const char* file;
  std::optional<Usage> usage;
};

// Answers of a vLLM 0.32.0 (chunk framing taken off).
const Recording kRecordings[] = {
    {"chat.json", Usage{19, 7, 0}},
    {"completion.json", Usage{7, 6, 0}},
    {"embeddings.json", Usage{3, 0, 0}},
    {"messages.json", Usage{19, 7, 0}},
    {"responses.json", Usage{19, 7, 0}},
    {"chat-stream.sse", std::nullopt},
    {"chat-stream-usage.sse", Usage{19, 7, 0}},
    {"chat-stream-usage-each.sse", Usage{19, 7, 0}},
    {"completion-stream-usage.sse", Usage{7, 4, 0}},
    {"messages-stream.sse", Usage{19, 7, 0}},
    {"responses-stream.sse", Usage{19, 7, 0}},
    {"tools-stream.sse", Usage{181, 24, 128}},
};

TEST(UsageScannerTest, ReadsEveryRecordedAnswerAtEveryPieceSize) {
  for (const Recording& recording : kRecordings) {
    SCOPED_TRACE(recording.file);
    std::ifstream in(std::string(OLLA_OPENAI_TESTDATA) + "/" + recording.file, std::ios::binary);
    const std::string payload(std::istreambuf_iterator<char>(in), {});
    ASSERT_GT(payload.size(), 200u);
    expect_at_every_piece_size(payload, recording.usage);
  }
}

struct Case {
  const char* name;
  std::string payload;
  std::optional<Usage> usage;
};

const Case kCases[] = {
    {"nothing", "", std::nullopt},
    {"no usage", R"({"choices":[]})", std::nullopt},
    {"usage is null", R"({"usage":null})", std::nullopt},
    {"null, then an object", R"({"usage":null}{"usage":{"prompt_tokens":1}})", Usage{1, 0, 0}},
    {"an object, then null", R"({"usage":{"prompt_tokens":1}}{"usage":null})", Usage{1, 0, 0}},
    {"white space", "{\"usage\" \n:\t{ \"prompt_tokens\" : 12 ,\r\n\"completion_tokens\":\n3 } }",
     Usage{12, 3, 0}},
    {"the last one wins",
     R"("usage":{"prompt_tokens":1,"completion_tokens":1} )"
     R"("usage":{"prompt_tokens":1,"completion_tokens":9})",
     Usage{1, 9, 0}},
    {"a later one may name fewer counts",
     R"("usage":{"input_tokens":25,"output_tokens":1} "usage":{"output_tokens":15})",
     Usage{25, 15, 0}},
    {"cut off", R"("usage":{"prompt_tokens":1,"completion_tokens":2)", std::nullopt},
    {"cut off, after a whole one", R"("usage":{"prompt_tokens":1} "usage":{"prompt_tokens":2)",
     Usage{1, 0, 0}},
    {"generated text about usage", R"({"content":"\"usage\":{\"prompt_tokens\":5}"})",
     std::nullopt},
    {"generated text that is the word", R"({"content":"usage","x":{"prompt_tokens":5}})",
     std::nullopt},
    {"a key that ends so", R"({"gpu_usage":{"prompt_tokens":5}})", std::nullopt},
    {"a false start", R"("usag"usage":{"prompt_tokens":5})", Usage{5, 0, 0}},
    {"an object of something else", R"({"usage":{"seconds":5}})", std::nullopt},
    {"an empty object", R"({"usage":{}})", std::nullopt},
    {"cached part of the prompt",
     R"("usage":{"prompt_tokens":9,"prompt_tokens_details":{"audio":1,"cached_tokens":4},)"
     R"("completion_tokens":2})",
     Usage{9, 2, 4}},
    {"cached part, Messages API", R"("usage":{"input_tokens":9,"cache_read_input_tokens":4})",
     Usage{9, 0, 4}},
    {"names at the wrong depth",
     R"("usage":{"x":{"prompt_tokens":7,"y":{"cached_tokens":8}},"cached_tokens":9})",
     std::nullopt},
    {"numbers in arrays", R"("usage":{"prompt_tokens":[7,8],"completion_tokens":2})",
     Usage{0, 2, 0}},
    {"brackets and escapes in strings",
     R"("usage":{"a":"}\"]{\\","prompt_tokens":3,"\"":1,"completion_tokens":4})", Usage{3, 4, 0}},
    {"a long key that begins like one",
     R"("usage":{"prompt_tokens_and_a_great_many_other_things":3,"completion_tokens":4})",
     Usage{0, 4, 0}},
    {"values that are no counts",
     R"("usage":{"prompt_tokens":-3,"completion_tokens":1.5,)"
     R"("input_tokens":"7","output_tokens":1e2})",
     std::nullopt},
    {"the largest count", R"("usage":{"prompt_tokens":18446744073709551615})",
     Usage{18446744073709551615u, 0, 0}},
    {"a count that does not fit", R"("usage":{"prompt_tokens":18446744073709551616})",
     std::nullopt},
};

TEST(UsageScannerTest, ReadsEveryCaseAtEveryPieceSize) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    expect_at_every_piece_size(c.payload, c.usage);
  }
}

// A search may read many bytes at a time: every offset is tried, at the end too.
TEST(UsageScannerTest, FindsUsageAtEveryOffset) {
  for (std::size_t before = 0; before < 100; ++before) {
    const std::string payload = std::string(before, '"') + R"("usage":{"prompt_tokens":5})";
    ASSERT_EQ(scan(payload, payload.size()), (Usage{5, 0, 0})) << before;
    const std::string padded = payload + std::string(50, ' ');
    ASSERT_EQ(scan(padded, padded.size()), (Usage{5, 0, 0})) << before;
  }
}

TEST(UsageScannerTest, GivesUpAnObjectThatDoesNotEnd) {
  const std::string endless = R"("usage":{"prompt_tokens":5,"x":")" + std::string(10'000, 'x');
  const std::string next = R"("usage":{"prompt_tokens":6})";
  EXPECT_EQ(scan(endless + next, 1000), (Usage{6, 0, 0}));
  EXPECT_EQ(scan(endless + next, endless.size() + next.size()), (Usage{6, 0, 0}));
}

}  // namespace
}  // namespace olla::openai
