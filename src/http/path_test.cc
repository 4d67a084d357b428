#include "http/path.h"

#include <gtest/gtest.h>

namespace olla::http {
namespace {

TEST(PathTest, IsDecodedOnceAndWithoutItsQuery) {
  EXPECT_EQ(plain_path("/v1/models?x=%41"), "/v1/models");
  EXPECT_EQ(plain_path("/v1/%6dodels/a%2Fb%2fc"), "/v1/models/a/b/c");
  EXPECT_EQ(plain_path("/%25%32%65"), "/%2e");
  EXPECT_EQ(plain_path("/a+b"), "/a+b");
  EXPECT_EQ(plain_path("/%zz/%4/%"), "/%zz/%4/%");
  EXPECT_EQ(plain_path("?"), "");
}

TEST(PathTest, FindsSegmentsThatLeadUpwards) {
  for (const char* path : {"/..", "/../x", "/a/..", "/a/../b", "..", "/a\\..\\b", "/..\\"})
    EXPECT_TRUE(has_parent_segment(path)) << path;
  for (const char* path : {"", "/", "/a..", "/..a", "/...", "/a/b..c/d", "/. ./"})
    EXPECT_FALSE(has_parent_segment(path)) << path;
  EXPECT_TRUE(has_parent_segment(plain_path("/a/%2e%2E/b")));
  EXPECT_TRUE(has_parent_segment(plain_path("/a/..%2fb")));
}

TEST(PathTest, FindsAParameterOfTheQuery) {
  EXPECT_EQ(query_parameter("/x?endpoint=a", "endpoint"), "a");
  EXPECT_EQ(query_parameter("/x?m=1&endpoint=gpu%201&endpoint=b", "endpoint"), "gpu 1");
  EXPECT_EQ(query_parameter("/x?end%70oint=a+b", "endpoint"), "a b");
  EXPECT_EQ(query_parameter("/x?endpoint", "endpoint"), "");
  EXPECT_EQ(query_parameter("/x?endpoint=", "endpoint"), "");
  EXPECT_EQ(query_parameter("/x?endpoints=a&&=b", "endpoint"), std::nullopt);
  EXPECT_EQ(query_parameter("/endpoint=a", "endpoint"), std::nullopt);
}

TEST(PathTest, TakesAParameterOutOfTheQuery) {
  EXPECT_EQ(without_query_parameter("/x?endpoint=a", "endpoint"), "/x");
  EXPECT_EQ(without_query_parameter("/x?m=a%20b&endpoint=a&level=1", "endpoint"),
            "/x?m=a%20b&level=1");
  EXPECT_EQ(without_query_parameter("/x?a=1", "endpoint"), "/x?a=1");
  EXPECT_EQ(without_query_parameter("/x", "endpoint"), "/x");
}

TEST(PathTest, IsCleanedOfSegmentsThatSayNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a//b", "/a/b"}, {"//a", "/a"},         {"/a/./b?x=/./", "/a/b?x=/./"},
      {"/a/.", "/a/"},   {"/a//", "/a/"},       {"///", "/"},
      {"/./", "/"},      {"/.//../a", "/../a"},
  };
  for (const auto& [written, clean] : cases)
    EXPECT_EQ(cleaned_target(written), clean) << written;
  for (const char* fine : {"/", "/a", "/a/", "/a/.b", "/a/b.", "/a%2F%2Fb", "/a?x=//", "/..", ""})
    EXPECT_EQ(cleaned_target(fine), std::nullopt) << fine;
}

}  // namespace
}  // namespace olla::http
