#include "sim/middleware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::sim {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct Asked {
  std::string method = "GET";
  std::string target = "/v1/models";
  std::vector<http::Field> fields;
};

http::RequestHead head(const Asked& asked) {
  http::RequestHead out;
  out.method = asked.method;
  out.target = asked.target;
  out.fields = asked.fields;
  return out;
}

Middleware guarded(Dialect dialect = Dialect::kNew) {
  MiddlewareOptions options;
  options.api_keys = {"one", "two"};
  return {options, dialect, Random(1)};
}

Middleware open_to(std::vector<std::string> origins) {
  MiddlewareOptions options;
  options.allowed_origins = std::move(origins);
  return {options, Dialect::kNew, Random(1)};
}

Asked at(const std::string& target) {
  return {.target = target, .fields = {}};
}

bool is_refused(const Middleware& middleware, const Asked& asked) {
  return middleware.refuse(head(asked)).has_value();
}

TEST(MiddlewareTest, WantsOneOfTheKeysBehindBearer) {
  const Middleware middleware = guarded();
  for (const char* value : {"Bearer one", "bearer two", "BEARER one"}) {
    EXPECT_FALSE(is_refused(middleware, {.fields = {{"Authorization", value}}})) << value;
  }
  for (const char* value : {"Bearer three", "one", "Bearer  one", "Basic one", "Bearer", ""}) {
    EXPECT_TRUE(is_refused(middleware, {.fields = {{"Authorization", value}}})) << value;
  }
  EXPECT_TRUE(is_refused(middleware, {.fields = {{"x-api-key", "one"}}}));
  const auto answer = middleware.refuse(head({}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(answer->body, R"({"error":"Unauthorized"})");
}

TEST(MiddlewareTest, GuardsSomePathsAlone) {
  for (const char* path : {"/v1/models", "/v1/nothing", "/%761/models", "/v2/rerank", "/v1?x"}) {
    EXPECT_TRUE(is_refused(guarded(), at(path))) << path;
  }
  for (const char* path :
       {"/health", "/metrics", "/tokenize", "/invocations", "/rerank", "/V1/x"}) {
    EXPECT_FALSE(is_refused(guarded(), at(path))) << path;
  }
  EXPECT_FALSE(is_refused(guarded(Dialect::kOld), at("/v2/rerank")));
  EXPECT_FALSE(is_refused(guarded(), {.method = "OPTIONS", .fields = {}}));
  const Middleware without({}, Dialect::kNew, Random(1));
  EXPECT_FALSE(is_refused(without, {}));
}

Asked preflight(const std::string& origin) {
  return {.method = "OPTIONS",
          .fields = {{"Origin", origin}, {"Access-Control-Request-Method", "POST"}}};
}

TEST(MiddlewareTest, AnswersAPreflight) {
  const Middleware middleware = open_to({"http://a", "http://b"});
  EXPECT_EQ(middleware.refuse(head(preflight("http://b")))->status, 200);
  const auto refused = middleware.refuse(head(preflight("http://c")));
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(refused->body, "Disallowed CORS origin");
  EXPECT_FALSE(is_refused(middleware, {.method = "OPTIONS", .fields = {{"Origin", "http://a"}}}));
  const auto open = open_to({"*"}).refuse(head(preflight("http://c")));
  EXPECT_EQ(open->status, 200);
  EXPECT_EQ(open->headers.front().second, "*");
  const Middleware old({}, Dialect::kOld, Random(1));
  EXPECT_EQ(old.refuse(head(preflight("http://c")))->status, 200);
  const Middleware closed({}, Dialect::kNew, Random(1));
  EXPECT_EQ(closed.refuse(head(preflight("http://c")))->status, 400);
}

HeaderFields finished(Middleware middleware, const Asked& asked) {
  HeaderFields fields = {{"content-length", "0"}, {"vary", "Origin"}};
  middleware.finish(fields, head(asked), false);
  return fields;
}

TEST(MiddlewareTest, LetsPagesReadAnswers) {
  const Asked from_a{.fields = {{"Origin", "http://a"}}};
  EXPECT_THAT(finished(open_to({"http://a"}), from_a),
              ElementsAre(Pair("content-length", "0"),
                          Pair("access-control-allow-origin", "http://a"), Pair("vary", "Origin")));
  EXPECT_THAT(finished(open_to({"http://b"}), from_a),
              ElementsAre(Pair("content-length", "0"), Pair("vary", "Origin")));
  EXPECT_THAT(finished(open_to({"*"}), from_a),
              ElementsAre(Pair("content-length", "0"), Pair("access-control-allow-origin", "*")));
  EXPECT_THAT(finished(open_to({"*"}), {}), ElementsAre(Pair("content-length", "0")));
}

TEST(MiddlewareTest, NamesTheRequestInItsAnswer) {
  MiddlewareOptions options;
  options.request_id_headers = true;
  Middleware middleware(options, Dialect::kNew, Random(1));
  HeaderFields fields;
  middleware.finish(fields, head({.fields = {{"X-Request-Id", "mine"}}}), false);
  EXPECT_THAT(fields, ElementsAre(Pair("x-request-id", "mine")));
  middleware.finish(fields, head({}), true);
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields.back().second.size(), 32U);
}

}  // namespace
}  // namespace olla::sim
