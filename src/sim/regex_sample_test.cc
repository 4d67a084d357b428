#include "sim/regex_sample.h"

#include <gtest/gtest.h>

#include <regex>

namespace olla::sim {
namespace {

std::string fault(std::string_view expression) {
  const auto parsed = RegexSample::parse(expression);
  const auto* fault = std::get_if<RegexFault>(&parsed);
  return fault == nullptr ? "" : std::to_string(fault->position) + " " + fault->reason;
}

// Expressions that std::regex reads in the same way are the judge.
TEST(RegexSampleTest, WritesTextsThatMatch) {
  for (const char* expression : {"[0-9]{3}",
                                 "yes|no",
                                 "(yes|no)+",
                                 "a*",
                                 "a+b?c{2,4}",
                                 "\\d+\\.\\d{2}",
                                 "[A-Z][a-z]{2,}",
                                 "(a|b)(c|d)",
                                 "[^a-z]",
                                 "^x$",
                                 "\\w+@\\w+\\.com",
                                 "[-+]?[0-9]+",
                                 "a.c",
                                 "\\(\\)",
                                 "(?:ab){2}",
                                 "[\\d_]{4}",
                                 "((a|b)*c)*",
                                 "[a\\-z]",
                                 "\\s\\S\\W\\D",
                                 "x{0}",
                                 "",
                                 "(|a)",
                                 "[]x]",
                                 "\\$5",
                                 "a{1,}"}) {
    SCOPED_TRACE(expression);
    const auto parsed = RegexSample::parse(expression);
    ASSERT_TRUE(std::holds_alternative<RegexSample>(parsed)) << fault(expression);
    // std::regex takes an empty class where others take a bracket first.
    const std::regex judge(std::string_view(expression) == "[]x]" ? "[\\]x]" : expression);
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      Random random(seed);
      const std::string text = std::get<RegexSample>(parsed).text(random);
      EXPECT_TRUE(std::regex_match(text, judge)) << text;
    }
  }
}

TEST(RegexSampleTest, WritesDifferentTexts) {
  const auto parsed = RegexSample::parse("[0-9]{8}");
  Random random(1);
  EXPECT_NE(std::get<RegexSample>(parsed).text(random), std::get<RegexSample>(parsed).text(random));
}

TEST(RegexSampleTest, KeepsCharactersBeyondAscii) {
  const auto parsed = RegexSample::parse("\u00e9[\u4e2d]+");
  Random random(1);
  EXPECT_TRUE(std::get<RegexSample>(parsed).text(random).starts_with("\u00e9\u4e2d"));
}

TEST(RegexSampleTest, TellsWhatIsWrong) {
  EXPECT_EQ(fault("[0-9"), "0 unclosed character class");
  EXPECT_EQ(fault("a["), "1 unclosed character class");
  EXPECT_EQ(fault("[a\\"), "2 unclosed character class");
  EXPECT_EQ(fault("(a"), "0 unclosed group");
  EXPECT_EQ(fault("a)"), "1 unopened group");
  EXPECT_EQ(fault("*"), "0 repetition operator missing expression");
  EXPECT_EQ(fault("a**"), "2 repetition operator missing expression");
  EXPECT_EQ(fault("a{2}{3}"), "4 repetition operator missing expression");
  EXPECT_EQ(fault("a{"), "1 unclosed counted repetition");
  EXPECT_EQ(fault("a{x}"), "1 repetition quantifier expects a valid decimal");
  EXPECT_EQ(fault("a{3,2}"), "1 invalid repetition count range");
  EXPECT_EQ(fault("[z-a]"), "0 invalid character class range, the start must be <= the end");
  EXPECT_EQ(fault("\\1"), "0 backreferences are not supported");
  EXPECT_EQ(fault("\\p{L}"), "0 unrecognized escape sequence");
  EXPECT_EQ(fault("a\\"), "1 incomplete escape sequence, reached end of pattern prematurely");
  EXPECT_EQ(fault("(?=a)"),
            "0 look-around, including look-ahead and look-behind, is not supported");
  EXPECT_EQ(fault("(?<=a)"),
            "0 look-around, including look-ahead and look-behind, is not supported");
}

TEST(RegexSampleTest, LimitsHowMuchItWrites) {
  EXPECT_EQ(fault("a{100000}"), "0 expression exceeds size limit");
  EXPECT_EQ(fault("((()()){1000}){1000}"), "0 expression exceeds size limit");
  EXPECT_EQ(fault(std::string(100, '(') + std::string(100, ')')), "33 nested too deeply");
  std::string nested = "a*";
  for (int i = 0; i < 30; ++i) {
    nested = "(" + nested + "b?)*";
  }
  const auto parsed = RegexSample::parse(nested);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    EXPECT_LT(std::get<RegexSample>(parsed).text(random).size(), 100'000U);
  }
}

}  // namespace
}  // namespace olla::sim
