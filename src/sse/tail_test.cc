#include "sse/tail.h"

#include <gtest/gtest.h>

namespace olla::sse {
namespace {

struct Case {
  const char* name;
  std::string_view wire;
  bool at_boundary;
};

constexpr Case kCases[] = {
    {"nothing yet", "", true},
    {"whole event, LF", "data: {}\n\n", true},
    {"whole event, CRLF", "data: {}\r\n\r\n", true},
    {"whole event, CR", "data: {}\r\r", true},
    {"line ends mixed, LF first", "data: {}\n\r\n", true},
    {"line ends mixed, CRLF first", "data: {}\r\n\n", true},
    {"two events", "data: a\n\ndata: [DONE]\n\n", true},
    {"several blank lines", "data: a\n\n\n\n", true},
    {"comment and its blank line", ": ping\n\n", true},
    {"blank first line", "\n", true},
    {"blank first line, CRLF", "\r\n", true},
    {"inside a line", "data: {\"a\"", false},
    {"line ended, event not", "data: {}\n", false},
    {"line ended with CRLF, event not", "data: {}\r\n", false},
    {"line ended with CR, event not", "data: {}\r", false},
    {"blank line, then more", "data: {}\n\nd", false},
    {"escaped line ends in the data", "data: \\n\\n", false},
    {"one byte", "d", false},
    {"space before the line end", "data: {}\n \n", false},
};

// The network may cut the stream anywhere, so every case runs at every piece size.
TEST(EventTailTest, KnowsTheBoundaryInEveryCaseAtEveryPieceSize) {
  for (const Case& c : kCases) {
    for (std::size_t piece = 1; piece <= c.wire.size() + 1; ++piece) {
      SCOPED_TRACE(testing::Message() << c.name << ", piece=" << piece);
      EventTail tail;
      for (std::size_t at = 0; at < c.wire.size(); at += piece)
        tail.feed(c.wire.substr(at, piece));
      EXPECT_EQ(tail.at_boundary(), c.at_boundary);
    }
  }
}

TEST(EventTailTest, AnEmptyPieceChangesNothing) {
  EventTail tail;
  tail.feed("data: a\n");
  tail.feed("");
  EXPECT_FALSE(tail.at_boundary());
  tail.feed("\n");
  tail.feed("");
  EXPECT_TRUE(tail.at_boundary());
}

TEST(ErrorEventTest, IsOneEventOfTheDefaultType) {
  EXPECT_EQ(error_event(R"({"error":{}})"), "data: {\"error\":{}}\n\n");
  EXPECT_EQ(error_event("{}", "error"), "event: error\ndata: {}\n\n");
}

}  // namespace
}  // namespace olla::sse
