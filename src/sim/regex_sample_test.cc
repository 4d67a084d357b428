#include "sim/regex_sample.h"

#include <gtest/gtest.h>

#include <cctype>
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

std::string one_text(std::string_view expression, std::uint64_t seed = 1) {
  const auto parsed = RegexSample::parse(expression);
  Random random(seed);
  return std::get<RegexSample>(parsed).text(random);
}

TEST(RegexSampleTest, ReadsWhatOnlyRe2Knows) {
  EXPECT_EQ(one_text("\\x41\\x{e9}[\\x42]"), "A\u00e9B");
  EXPECT_EQ(one_text("\\Qa.b*\\E{1}"), "a.b*");
  EXPECT_EQ(one_text("(?i:A)(?s)(?m-i)B"), "AB");
  EXPECT_EQ(one_text("(?P<name>a)(?<other>b)"), "ab");
  EXPECT_EQ(one_text("[[:^digit:]]").size(), 1U);
  EXPECT_TRUE(std::isdigit(one_text("[[:digit:]]").front()));
  EXPECT_TRUE(std::isupper(one_text("\\p{Lu}{1}", 5).front()) ||
              one_text("\\p{Lu}", 5) == "\u00c9");
  EXPECT_TRUE(std::isdigit(one_text("\\pN").front()));
  EXPECT_FALSE(std::isdigit(one_text("\\P{N}").front()));
  EXPECT_GE(one_text("[\u0430-\u044f]").size(), 2U);
}

TEST(RegexSampleTest, KeepsToAnchorsAndBoundaries) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    EXPECT_EQ(one_text("(a|^b)c$", seed).size(), 2U);
    EXPECT_EQ(one_text("x(?:^y|z)", seed), "xz");
    EXPECT_EQ(one_text("a[-b]\\b[-b]", seed).find("bb"), std::string::npos);
    EXPECT_EQ(one_text("(?m)a\n^b", seed), "a\nb");
  }
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
  EXPECT_EQ(fault("\\p{Klingon}"), "0 Unicode property not found");
  EXPECT_EQ(fault("\\pX"), "0 Unicode property not found");
  EXPECT_EQ(fault("\\p"), "0 Unicode property not found");
  EXPECT_EQ(fault("\\p{"), "0 Unicode property not found");
  EXPECT_EQ(fault("\\x{110000}"), "0 invalid hexadecimal escape");
  EXPECT_EQ(fault("\\x{41"), "0 invalid hexadecimal escape");
  EXPECT_EQ(fault("\\x4"), "0 invalid hexadecimal escape");
  EXPECT_EQ(fault("[[:letters:]]"), "0 unrecognized character class");
  EXPECT_EQ(fault("a^b"), "0 no text that matches was found");
  EXPECT_EQ(fault("a\\bb"), "0 no text that matches was found");
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
