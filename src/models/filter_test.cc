#include "models/filter.h"

#include <gtest/gtest.h>

namespace olla::models {
namespace {

TEST(FilterTest, APatternStandsForAnyTextAtItsStars) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const Case& test :
       {Case{"llama", "llama", true}, Case{"llama", "llama3", false},
        Case{"llama*", "llama3", true}, Case{"llama*", "LLaMA3", true},
        Case{"LLAMA*", "my-llama", false}, Case{"*llama", "my-llama", true},
        Case{"*llama", "llama3", false}, Case{"*-8b*", "llama-8b-instruct", true},
        Case{"*-8b*", "llama-7b", false}, Case{"*", "", true}, Case{"*", "x", true},
        Case{"**", "x", true}, Case{"", "x", false}, Case{"a*", "a", true}, Case{"*a*", "a", true},
        Case{"a.c", "abc", false}})
    EXPECT_EQ(matches_pattern(test.pattern, test.text), test.matches)
        << test.pattern << " and " << test.text;
}

TEST(FilterTest, ExcludeWinsAndNoIncludeIsAll) {
  EXPECT_TRUE(passes({}, "any"));
  EXPECT_FALSE(passes({.include = {"llama*"}, .exclude = {}}, "qwen"));
  EXPECT_TRUE(passes({.include = {"llama*", "qwen"}, .exclude = {}}, "qwen"));
  EXPECT_FALSE(passes({.include = {"llama*"}, .exclude = {"*-70b"}}, "llama-70B"));
  EXPECT_TRUE(passes({.include = {}, .exclude = {"*-70b"}}, "llama-8b"));
}

}  // namespace
}  // namespace olla::models
