#include "http/body.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace olla::http {
namespace {

struct Outcome {
  BodyScanner::State state;
  std::string payload;
  std::size_t consumed;
};

/// Feeds `wire` in pieces of `piece` bytes until the scanner wants no more.
Outcome scan(BodyScanner scanner, std::string_view wire, std::size_t piece) {
  Outcome outcome{scanner.state(), {}, 0};
  for (std::size_t at = 0; at < wire.size() && scanner.state() == BodyScanner::State::kMore;) {
    std::string_view bytes = wire.substr(at, piece);
    at += bytes.size();
    while (!bytes.empty()) {
      const auto step = scanner.next(bytes);
      if (step.consumed == 0) break;
      outcome.payload += step.payload;
      outcome.consumed += step.consumed;
      bytes.remove_prefix(step.consumed);
    }
  }
  outcome.state = scanner.state();
  return outcome;
}

struct ChunkedCase {
  std::string_view name;
  std::string_view wire;
  BodyScanner::State state;
  std::string_view payload;
};

constexpr ChunkedCase kChunked[] = {
    {"one chunk", "5\r\nhello\r\n0\r\n", BodyScanner::State::kTrailers, "hello"},
    {"two chunks", "5\r\nhello\r\n1\r\n!\r\n0\r\n", BodyScanner::State::kTrailers, "hello!"},
    {"upper case and zeros", "00A\r\n0123456789\r\n000\r\n", BodyScanner::State::kTrailers,
     "0123456789"},
    {"extension", "3;name=\"v\"\r\nabc\r\n0;last\r\n", BodyScanner::State::kTrailers, "abc"},
    {"payload that looks like framing", "7\r\n0\r\n\r\n0\r\r\n0\r\n", BodyScanner::State::kTrailers,
     "0\r\n\r\n0\r"},
    {"unfinished", "5\r\nhel", BodyScanner::State::kMore, "hel"},
    {"no size", "\r\n", BodyScanner::State::kMalformed, ""},
    {"not a digit", "x\r\n", BodyScanner::State::kMalformed, ""},
    {"space before the size", " 5\r\nhello\r\n", BodyScanner::State::kMalformed, ""},
    {"space after the size", "5 \r\nhello\r\n", BodyScanner::State::kMalformed, ""},
    {"sign", "+5\r\nhello\r\n", BodyScanner::State::kMalformed, ""},
    {"0x", "0x5\r\nhello\r\n", BodyScanner::State::kMalformed, ""},
    {"bare LF after the size", "5\nhello\r\n", BodyScanner::State::kMalformed, ""},
    {"bare CR after the size", "5\rhello\r\n", BodyScanner::State::kMalformed, ""},
    {"bare LF in an extension", "5;a\nhello\r\n", BodyScanner::State::kMalformed, ""},
    {"data too long", "5\r\nhello!\r\n", BodyScanner::State::kMalformed, "hello"},
    {"no CRLF behind the data", "5\r\nhello0\r\n", BodyScanner::State::kMalformed, "hello"},
    {"overflow", "10000000000000000\r\n", BodyScanner::State::kMalformed, ""},
};

// The network may cut the stream anywhere, so every case runs at every piece size.
TEST(BodyScannerTest, FollowsChunksAtEveryPieceSize) {
  for (const ChunkedCase& c : kChunked) {
    for (std::size_t piece = 1; piece <= c.wire.size(); ++piece) {
      const Outcome outcome = scan(BodyScanner(Framing::kChunked, 0), c.wire, piece);
      EXPECT_EQ(outcome.state, c.state) << c.name << ", piece=" << piece;
      EXPECT_EQ(outcome.payload, c.payload) << c.name << ", piece=" << piece;
    }
  }
}

TEST(BodyScannerTest, LeavesTheTrailerSectionAlone) {
  const std::string_view wire = "1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n";
  const Outcome outcome = scan(BodyScanner(Framing::kChunked, 0), wire, wire.size());
  EXPECT_EQ(wire.substr(outcome.consumed), "X-Sum: 1\r\n\r\n");
}

TEST(BodyScannerTest, RefusesEndlessChunkLines) {
  const std::string extension = "1;" + std::string(5000, 'x');
  EXPECT_EQ(scan(BodyScanner(Framing::kChunked, 0), extension, 100).state,
            BodyScanner::State::kMalformed);
  const std::string zeros(5000, '0');
  EXPECT_EQ(scan(BodyScanner(Framing::kChunked, 0), zeros, 100).state,
            BodyScanner::State::kMalformed);
}

TEST(BodyScannerTest, StopsAtTheContentLength) {
  for (std::size_t piece = 1; piece <= 8; ++piece) {
    const Outcome outcome = scan(BodyScanner(Framing::kLength, 5), "hello!!!", piece);
    EXPECT_EQ(outcome.state, BodyScanner::State::kDone);
    EXPECT_EQ(outcome.payload, "hello");
    EXPECT_EQ(outcome.consumed, 5u);
  }
  EXPECT_EQ(BodyScanner(Framing::kLength, 0).state(), BodyScanner::State::kDone);
  EXPECT_EQ(BodyScanner(Framing::kNone, 0).state(), BodyScanner::State::kDone);
}

TEST(BodyScannerTest, OnlyABodyEndedByTheCloseIsCompleteWithIt) {
  BodyScanner until_close(Framing::kUntilClose, 0);
  EXPECT_EQ(until_close.next("abc").payload, "abc");
  EXPECT_TRUE(until_close.finish_at_close());
  BodyScanner sized(Framing::kLength, 5);
  sized.next("abc");
  EXPECT_FALSE(sized.finish_at_close());
  BodyScanner chunked(Framing::kChunked, 0);
  chunked.next("1\r\n");
  EXPECT_FALSE(chunked.finish_at_close());
}

TEST(BodyScannerTest, KnowsWhereAChunkMayBePutIn) {
  BodyScanner scanner(Framing::kChunked, 0);
  EXPECT_TRUE(scanner.between_chunks());
  scanner.next("2");
  EXPECT_FALSE(scanner.between_chunks());
  scanner.next("\r\n");
  EXPECT_FALSE(scanner.between_chunks());
  scanner.next("ab");
  EXPECT_FALSE(scanner.between_chunks());
  scanner.next("\r\n");
  EXPECT_TRUE(scanner.between_chunks());
}

}  // namespace
}  // namespace olla::http
