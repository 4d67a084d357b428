#include "sim/grammar_sample.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

std::string sample(std::string_view grammar) {
  Random random(1);
  auto text = grammar_sample(grammar, random);
  if (const auto* fault = std::get_if<GrammarFault>(&text)) return "fault: " + fault->reason;
  return std::get<std::string>(text);
}

TEST(GrammarSampleTest, WritesTheFirstAlternative) {
  EXPECT_EQ(sample("root ::= \"yes\" | \"no\""), "yes");
  EXPECT_EQ(sample("start: \"yes\" | \"no\""), "yes");
  EXPECT_EQ(sample("root ::= greeting \" \" (\"you\" | \"all\")?\ngreeting ::= \"hi\"\n  | \"ho\""),
            "hi you");
  EXPECT_EQ(sample("# a comment\nroot ::= 'it\\'s' \"\\n\"+"), "it's\n");
}

TEST(GrammarSampleTest, FillsClassesAndExpressions) {
  const std::string text = sample("root ::= [0-9] /[a-c]{3}/");
  ASSERT_EQ(text.size(), 4U);
  EXPECT_TRUE(text[0] >= '0' && text[0] <= '9');
  EXPECT_EQ(text.find_first_not_of("abc", 1), std::string::npos);
}

TEST(GrammarSampleTest, WritesTheExampleOfTheApiReference) {
  EXPECT_EQ(sample("root ::= select\nselect ::= \"SELECT \" column \" from \" table\n"
                   "column ::= \"col_1 \" | \"col_2 \"\ntable ::= \"table_1 \" | \"table_2 \""),
            "SELECT col_1  from table_1 ");
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
  EXPECT_EQ(sample("root ::= a a\na ::= b b\nb ::= c c\nc ::= d d\nd ::= e e\ne ::= f f\n"
                   "f ::= g g\ng ::= h h\nh ::= i i\ni ::= j j\nj ::= k k\nk ::= l l\nl ::= \"\""),
            "fault: the text gets too long");
}

}  // namespace
}  // namespace olla::sim
