#include "admin/conditional.h"

#include <gtest/gtest.h>

namespace olla::admin {
namespace {

Json document_of(const std::string& timestamp, const std::string& status) {
  return {{"timestamp", timestamp},
          {"endpoints", {{{"name", "a"}, {"status", status}, {"last_check", timestamp + " ago"}}}}};
}

proxy::OwnAnswer ask(const Json& document, std::string_view name, std::string_view value) {
  const http::Field field{name, value};
  return conditional_answer(document, {&field, 1});
}

TEST(ConditionalTest, TheTagFollowsTheContentAndNotTheTime) {
  const std::string tag = entity_tag(document_of("1", "healthy"));
  EXPECT_TRUE(tag.starts_with("W/\"") && tag.ends_with("\"")) << tag;
  EXPECT_EQ(entity_tag(document_of("2", "healthy")), tag);
  EXPECT_NE(entity_tag(document_of("1", "offline")), tag);
}

TEST(ConditionalTest, WhoHasItGetsNothing) {
  const Json document = document_of("1", "healthy");
  const std::string tag = entity_tag(document);
  for (const std::string& value :
       {tag, tag.substr(2), std::string("*"), "\"x\", " + tag, "W/\"a,b\" ," + tag + ", \"y\""}) {
    const proxy::OwnAnswer answer = ask(document, "if-none-match", value);
    EXPECT_EQ(answer.status, 304) << value;
    EXPECT_EQ(answer.body, "");
    EXPECT_NE(answer.extra_fields.find("ETag: " + tag), std::string::npos);
  }
}

TEST(ConditionalTest, WhoHasAnotherGetsIt) {
  const Json document = document_of("1", "healthy");
  const std::string tag = entity_tag(document);
  const std::string huge = tag + ", \"" + std::string(1024, 'x') + "\"";
  for (const std::string& value : {std::string(), std::string("\"x\""), std::string("W/"), huge}) {
    const proxy::OwnAnswer answer = ask(document, "If-None-Match", value);
    EXPECT_EQ(answer.status, 200) << value;
    EXPECT_EQ(Json::parse(answer.body), document);
    EXPECT_EQ(answer.extra_fields, "ETag: " + tag +
                                       "\r\nCache-Control: private, no-cache\r\n"
                                       "Vary: Accept-Encoding\r\n");
  }
}

TEST(ConditionalTest, LargeOnesAreCompressedForThoseWhoTakeIt) {
  const Json small = document_of("1", "healthy");
  const Json large = document_of("1", std::string(300, 'x'));
  EXPECT_TRUE(ask(small, "Accept-Encoding", "gzip").body.starts_with("{"));
  EXPECT_TRUE(ask(large, "Accept-Encoding", "identity").body.starts_with("{"));
  const proxy::OwnAnswer zipped = ask(large, "Accept-Encoding", "gzip");
  EXPECT_TRUE(zipped.body.starts_with("\x1f\x8b"));
  EXPECT_NE(zipped.extra_fields.find("Content-Encoding: gzip\r\n"), std::string::npos);
}

TEST(ConditionalTest, BytesThatAreNoTextDoNoHarm) {
  EXPECT_EQ(json_answer({{"name", "a\xff"}}).body, "{\"name\":\"a\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace olla::admin
