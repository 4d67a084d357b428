#include "vllm/exposition_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace olla::vllm {
namespace {

struct Case {
  std::string_view line;
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  double value;
};

TEST(SampleTest, ReadsEveryFormThatTheFormatAllows) {
  const Case cases[] = {
      {"a 1", "a", {}, 1},
      {"a:b_c 1.5e+03", "a:b_c", {}, 1500},
      {" \ta\t 2 ", "a", {}, 2},
      {"a{} 3", "a", {}, 3},
      {"a{b=\"c\"} 4", "a", {{"b", "c"}}, 4},
      {"a{b=\"c\",} 4", "a", {{"b", "c"}}, 4},
      {"a{b=\"c\"}4", "a", {{"b", "c"}}, 4},
      {"a { b = \"c\" , d = \"\" } 5", "a", {{"b", "c"}, {"d", ""}}, 5},
      {R"(a{b="\\ \" \n } , {"} 6)", "a", {{"b", R"(\\ \" \n } , {)"}}, 6},
      {"a{b=\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"} 7",
       "a",
       {{"b", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"}},
       7},
      {"a -0.5 1795399128000", "a", {}, -0.5},
      {"a 8 -1", "a", {}, 8},
      {"a_bucket{le=\"1\"} 9 # {id=\"x\"} 0.67 1.5", "a_bucket", {{"le", "1"}}, 9},
      {"a 9 10 # {} 1", "a", {}, 9},
      {"a +Inf", "a", {}, HUGE_VAL},
      {"a -inf", "a", {}, -HUGE_VAL},
      {"a +1", "a", {}, 1},
      {"a .5", "a", {}, 0.5},
      {"a 5.", "a", {}, 5},
      {"a 4.608643072e+09", "a", {}, 4608643072},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    Sample sample;
    ASSERT_TRUE(sample.parse(c.line));
    EXPECT_EQ(sample.name(), c.name);
    EXPECT_EQ(sample.value(), c.value);
    ASSERT_EQ(sample.labels().size(), c.labels.size());
    for (std::size_t i = 0; i < c.labels.size(); ++i) {
      EXPECT_EQ(sample.labels()[i].name, c.labels[i].first);
      EXPECT_EQ(sample.labels()[i].value, c.labels[i].second);
    }
  }
}

TEST(SampleTest, RefusesWhatAStrictReaderWouldRefuse) {
  const std::string_view lines[] = {"",
                                    " ",
                                    "#",
                                    "a",
                                    "a ",
                                    "a{",
                                    "a{}",
                                    "a{b",
                                    "a{b=",
                                    "a{b=\"",
                                    "a{b=\"c",
                                    "a{b=\"c\"",
                                    "a{b=\"c\"}",
                                    "a{b=\"c\"} ",
                                    "1a 1",
                                    "-a 1",
                                    "a-b 1",
                                    "a\"b 1",
                                    "a{1b=\"c\"} 1",
                                    "a{b:c=\"d\"} 1",
                                    "a{b=c} 1",
                                    "a{b='c'} 1",
                                    "a{b=\"c\" d=\"e\"} 1",
                                    "a{,} 1",
                                    "a{b=\"c\",,d=\"e\"} 1",
                                    "a{b=\"c\"},d=\"e\" 1",
                                    "a{{b=\"c\"}} 1",
                                    "a{b=\"c\",b=\"d\"} 1",
                                    "a{__name__=\"c\"} 1",
                                    "a{\"b\"=\"c\"} 1",
                                    "{\"a\"} 1",
                                    "{a=\"b\"} 1",
                                    R"(a{b="\t"} 1)",
                                    R"(a{b="\"} 1)",
                                    "a{b=\"\x01\"} 1",
                                    "a{b=\"\x7F\"} 1",
                                    "a{b=\"\xFF\"} 1",
                                    "a{b=\"\xC3\"} 1",
                                    "a{b=\"\xC0\xAF\"} 1",
                                    "a{b=\"\xED\xA0\x80\"} 1",
                                    "a{b=\"\xF4\x90\x80\x80\"} 1",
                                    "a{b=\"\xE0\x80\x80\"} 1",
                                    "a{b=\"\xF0\x80\x80\x80\"} 1",
                                    "a x",
                                    "a 1x",
                                    "a 0x1p3",
                                    "a 1_0",
                                    "a 1,5",
                                    "a +-1",
                                    "a --1",
                                    "a +",
                                    "a e5",
                                    "a 1e",
                                    "a .",
                                    "a nan(1)",
                                    "a 1e999",
                                    "a infinit",
                                    "a 1 x",
                                    "a 1 nan",
                                    "a 1 2 3",
                                    "a 1 2 x",
                                    "a \xC2\xA0"
                                    "1"};
  for (const std::string_view line : lines) {
    SCOPED_TRACE(line);
    EXPECT_FALSE(Sample().parse(line));
  }
}

TEST(SampleTest, TakesAsManyLabelsAsItsLimit) {
  std::string labels;
  for (std::size_t i = 0; i < Sample::kLabelsMax; ++i)
    labels += "l" + std::to_string(i) + "=\"\",";
  Sample sample;
  EXPECT_TRUE(sample.parse("a{" + labels + "} 1"));
  EXPECT_FALSE(sample.parse("a{" + labels + "one_more=\"\"} 1"));
}

TEST(SampleTest, FindsALabelByItsWholeName) {
  Sample sample;
  const std::string line = R"(a{model_name="m",le="+Inf"} NaN)";
  ASSERT_TRUE(sample.parse(line));
  EXPECT_EQ(sample.label("le"), "+Inf");
  EXPECT_EQ(sample.label("model_name"), "m");
  EXPECT_EQ(sample.label("model"), std::nullopt);
  EXPECT_EQ(sample.value_text(), "NaN");
  EXPECT_TRUE(std::isnan(sample.value()));
}

TEST(ParseMetadataTest, ReadsHelpAndType) {
  const auto help = parse_metadata("# HELP a:b Some  text, with \\n and blanks. ");
  ASSERT_TRUE(help);
  EXPECT_EQ(help->kind, Metadata::Kind::kHelp);
  EXPECT_EQ(help->name, "a:b");
  EXPECT_EQ(help->text, "Some  text, with \\n and blanks. ");
  const auto type = parse_metadata(" #\tTYPE  a  gauge ");
  ASSERT_TRUE(type);
  EXPECT_EQ(type->kind, Metadata::Kind::kType);
  EXPECT_EQ(type->name, "a");
  EXPECT_EQ(type->text, "gauge");
  const auto empty = parse_metadata("# HELP a");
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->text, "");
}

TEST(ParseMetadataTest, LeavesOtherLinesAlone) {
  for (const std::string_view line :
       {"", "#", "# ", "# EOF", "# UNIT a seconds", "# HELP", "# HELP ", "# HELPa b", "# HELP 1a b",
        "# HELP a-b c", "# HELP a \xFF", "# HELP a \x01", "HELP a b", "a 1", "# help a b"}) {
    SCOPED_TRACE(line);
    EXPECT_FALSE(parse_metadata(line));
  }
}

TEST(TakeLineTest, EndsLinesAtLineFeedsWithOrWithoutCarriageReturns) {
  std::string_view text = "a\nb\r\n\nc\rd";
  EXPECT_EQ(take_line(text), "a");
  EXPECT_EQ(take_line(text), "b");
  EXPECT_EQ(take_line(text), "");
  EXPECT_EQ(take_line(text), "c\rd");
  EXPECT_TRUE(text.empty());
}

TEST(AppendNumberTest, WritesWholeNumbersInDigitsAndOthersShortest) {
  const std::pair<double, std::string_view> cases[] = {{0, "0"},
                                                       {12884901888, "12884901888"},
                                                       {1e6, "1000000"},
                                                       {-3, "-3"},
                                                       {0.3, "0.3"},
                                                       {9.65860915184021, "9.65860915184021"},
                                                       {1e300, "1e+300"},
                                                       {1e-7, "1e-07"},
                                                       {HUGE_VAL, "+Inf"},
                                                       {-HUGE_VAL, "-Inf"},
                                                       {std::nan(""), "NaN"}};
  for (const auto& [value, text] : cases) {
    std::string out;
    append_number(out, value);
    EXPECT_EQ(out, text);
  }
}

TEST(LabelValueTest, IsTheSameAfterEscapingAndDecoding) {
  const std::string value = "a \"b\" \\n \n \xC3\xA9";
  std::string escaped;
  append_label_value(escaped, value);
  EXPECT_EQ(escaped, "a \\\"b\\\" \\\\n \\n \xC3\xA9");
  EXPECT_EQ(decode_label_value(escaped), value);
}

TEST(LabelValueTest, HasNoByteThatIsNoText) {
  std::string out;
  append_label_value(out, std::string_view("\xFF"
                                           "a\x01\xC3",
                                           4));
  EXPECT_EQ(out, "?a??");
}

TEST(AppendHelpTest, EscapesStrayBackslashes) {
  std::string out;
  append_help(out, R"(a \n \\ \d \\\ \)");
  EXPECT_EQ(out, R"(a \n \\ \\d \\\\ \\)");
}

}  // namespace
}  // namespace olla::vllm
