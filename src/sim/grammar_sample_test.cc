#include "sim/grammar_sample.h"

#include <gtest/gtest.h>

#include <set>

namespace olla::sim {
namespace {

std::string sample(std::string_view grammar) {
  Random random(1);
  auto text = grammar_sample(grammar, random);
  if (const auto* fault = std::get_if<GrammarFault>(&text)) return "fault: " + fault->reason;
  return std::get<std::string>(text);
}

std::set<std::string> samples(std::string_view grammar) {
  std::set<std::string> out;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const auto text = grammar_sample(grammar, random);
    const auto* fault = std::get_if<GrammarFault>(&text);
    out.insert(fault == nullptr ? std::get<std::string>(text) : "fault: " + fault->reason);
  }
  return out;
}

using Texts = std::set<std::string>;

TEST(GrammarSampleTest, WritesEveryAlternative) {
  EXPECT_EQ(samples("root ::= \"yes\" | \"no\""), (Texts{"yes", "no"}));
  EXPECT_EQ(samples("start: \"yes\" | \"no\""), (Texts{"yes", "no"}));
  EXPECT_EQ(
      samples("root ::= greeting \" \" (\"you\" | \"all\")?\ngreeting ::= \"hi\"\n  | \"ho\""),
      (Texts{"hi ", "hi you", "hi all", "ho ", "ho you", "ho all"}));
  EXPECT_EQ(samples("# a comment\nroot ::= 'it\\'s' \"\\n\"+ # and another"),
            (Texts{"it's\n", "it's\n\n", "it's\n\n\n", "it's\n\n\n\n"}));
}

TEST(GrammarSampleTest, RepeatsAsOftenAsItMay) {
  EXPECT_EQ(samples("root ::= \"a\"{2,3}"), (Texts{"aa", "aaa"}));
  EXPECT_EQ(samples("root ::= \"a\"{2} \"b\"*"), (Texts{"aa", "aab", "aabb", "aabbb"}));
  EXPECT_EQ(samples("start: \"a\" ~ 1..2 [\"b\"]"), (Texts{"a", "aa", "ab", "aab"}));
}

TEST(GrammarSampleTest, ReadsLark) {
  EXPECT_EQ(samples("?start: pair -> both\npair.2: KEY \"=\" INT // a pair\nKEY: \"a\"..\"b\"\n"
                    "%import common.DIGIT -> INT\n%ignore \" \"")
                .size(),
            20U);
  EXPECT_EQ(samples("start: /[xy]/i \"Z\"i"), (Texts{"xZ", "yZ"}));
}

// Arithmetic in the manner of GBNF: brackets have to match, however deep a text goes.
TEST(GrammarSampleTest, EndsEveryRecursion) {
  const Texts all = samples(
      "root ::= term ((\"+\" | \"-\") term)*\n"
      "term ::= [0-9]+ | \"(\" root \")\"");
  EXPECT_GT(all.size(), 200U);
  bool nested = false;
  for (const std::string& text : all) {
    int depth = 0;
    for (const char c : text) {
      depth += c == '(' ? 1 : (c == ')' ? -1 : 0);
      ASSERT_GE(depth, 0) << text;
      nested = nested || depth > 2;
    }
    EXPECT_EQ(depth, 0) << text;
    EXPECT_LT(text.size(), 16'384U);
  }
  EXPECT_TRUE(nested);
  EXPECT_EQ(samples("root ::= endless | \"a\"\nendless ::= \"b\" endless"), (Texts{"a"}));
}

TEST(GrammarSampleTest, FillsClassesAndExpressions) {
  const std::string text = sample("root ::= [0-9] /[a-c]{3}/");
  ASSERT_EQ(text.size(), 4U);
  EXPECT_TRUE(text[0] >= '0' && text[0] <= '9');
  EXPECT_EQ(text.find_first_not_of("abc", 1), std::string::npos);
}

TEST(GrammarSampleTest, WritesTheExampleOfTheApiReference) {
  EXPECT_EQ(samples("root ::= select\nselect ::= \"SELECT \" column \" from \" table\n"
                    "column ::= \"col_1 \" | \"col_2 \"\ntable ::= \"table_1 \" | \"table_2 \""),
            (Texts{"SELECT col_1  from table_1 ", "SELECT col_1  from table_2 ",
                   "SELECT col_2  from table_1 ", "SELECT col_2  from table_2 "}));
}

TEST(GrammarSampleTest, TellsWhatIsWrong) {
  EXPECT_EQ(sample(""), "fault: unknown rule start");
  EXPECT_EQ(sample("root ::= other"), "fault: unknown rule other");
  EXPECT_EQ(sample("root ::= root"), "fault: rules refer to each other without an end");
  EXPECT_EQ(sample("root ::= \"a"), "fault: unclosed string");
  EXPECT_EQ(sample("root ::= (\"a\""), "fault: unclosed group");
  EXPECT_EQ(sample("root ::= \"a\")"), "fault: unexpected ) in rule root");
  EXPECT_EQ(sample("root ::= [a"), "fault: unclosed class");
  EXPECT_EQ(sample("root ::= %"), "fault: unexpected %");
  EXPECT_EQ(sample("root ::= \"a\"{3,2}"), "fault: invalid repetition");
  EXPECT_EQ(sample(std::string(300'000, '#')), "fault: the grammar is too long");
  EXPECT_EQ(sample("root ::= a a\na ::= b b\nb ::= c c\nc ::= d d\nd ::= e e\ne ::= f f\n"
                   "f ::= g g\ng ::= h h\nh ::= i i\ni ::= j j\nj ::= k k\nk ::= l l\nl ::= \"\""),
            "fault: the text gets too long");
}

}  // namespace
}  // namespace olla::sim
