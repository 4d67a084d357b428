#include "sim/output_text.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

TEST(OutputTextTest, ShowsEverythingAtOnceWithoutStopStrings) {
  OutputText out({}, false);
  EXPECT_FALSE(out.add("Hello", true));
  EXPECT_EQ(out.take(false), "Hello");
  EXPECT_EQ(out.take(false), "");
}

// Recorded from a real server: "Hello, " alone is held back when "scripted" may follow.
TEST(OutputTextTest, HoldsBackWhatAStopStringCouldStillNeed) {
  OutputText out({"scripted"}, false);
  EXPECT_FALSE(out.add("Hello, ", true));
  EXPECT_EQ(out.take(false), "");
  EXPECT_FALSE(out.add("this is ", true));
  EXPECT_EQ(out.take(false), "Hello, t");
  EXPECT_EQ(out.add("a scripted ", true), "scripted");
  EXPECT_EQ(out.take(true), "his is a ");
  EXPECT_EQ(out.all(), "Hello, this is a ");
}

TEST(OutputTextTest, FindsAStopStringInEveryDivisionIntoTokens) {
  const std::string text = "one two three four";
  const std::string stop = "two three";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    SCOPED_TRACE(testing::Message() << "piece=" << piece);
    OutputText out({stop}, false);
    std::string shown;
    bool stopped = false;
    for (std::size_t at = 0; at < text.size() && !stopped; at += piece) {
      stopped = out.add(text.substr(at, piece), true).has_value();
      shown += out.take(stopped);
    }
    EXPECT_TRUE(stopped);
    EXPECT_EQ(shown, "one ");
  }
}

TEST(OutputTextTest, KeepsTheStopStringWhenAskedTo) {
  OutputText out({"two"}, true);
  EXPECT_FALSE(out.add("one t", true));
  EXPECT_EQ(out.take(false), "one t");
  EXPECT_EQ(out.add("wo three", true), "two");
  EXPECT_EQ(out.take(true), "wo");
}

TEST(OutputTextTest, DoesNotStopBeforeItMay) {
  OutputText out({"one"}, false);
  EXPECT_FALSE(out.add("one", false));
  EXPECT_FALSE(out.add(" two", true));
  EXPECT_EQ(out.add(" one", true), "one");
  EXPECT_EQ(out.all(), "one two ");
}

TEST(OutputTextTest, ShowsWhatItHeldBackAtTheEnd) {
  OutputText out({"zzzz"}, false);
  EXPECT_FALSE(out.add("done", true));
  EXPECT_EQ(out.take(false), "d");
  EXPECT_EQ(out.take(true), "one");
}

}  // namespace
}  // namespace olla::sim
