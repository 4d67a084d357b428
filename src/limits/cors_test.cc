#include "limits/cors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::limits {
namespace {

using Fields = std::vector<http::Field>;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kVaryOfPreflight =
    "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n";

config::Cors enabled() {
  config::Cors cors;
  cors.enabled = true;
  cors.allowed_origins = {"http://app.example", "https://*.trusted.example"};
  return cors;
}

Fields asking(std::string_view origin, std::string_view method, std::string_view headers = {}) {
  Fields fields = {{"origin", origin}, {"access-control-request-method", method}};
  if (!headers.empty()) fields.push_back({"Access-Control-Request-Headers", headers});
  return fields;
}

TEST(CorsTest, AnswersAPreflightAsOllaDoes) {
  const auto lines =
      CorsPolicy(enabled()).preflight("OPTIONS", asking("http://app.example", "POST", "x-a, x-b"));
  ASSERT_TRUE(lines);
  EXPECT_EQ(*lines, std::string(kVaryOfPreflight) +
                        "Access-Control-Allow-Origin: http://app.example\r\n"
                        "Access-Control-Allow-Methods: POST\r\n"
                        "Access-Control-Allow-Headers: x-a, x-b\r\n"
                        "Access-Control-Max-Age: 300\r\n");
}

TEST(CorsTest, APreflightThatIsNotAllowedGetsVaryAlone) {
  config::Cors cors = enabled();
  cors.allowed_headers = {"Content-Type", "X-Api-Key"};
  const CorsPolicy policy(cors);
  const Fields refused[] = {
      asking("http://other.example", "POST"),
      asking("null", "POST"),
      asking("", "POST"),
      asking("http://app.example", "DELETE"),
      asking("http://app.example", "POST", "content-type, x-other"),
      {{"Access-Control-Request-Method", "POST"}},
  };
  for (const Fields& fields : refused)
    EXPECT_EQ(policy.preflight("OPTIONS", fields), kVaryOfPreflight);
  EXPECT_THAT(*policy.preflight("OPTIONS", asking("http://app.example", "GET", "x-API-key")),
              HasSubstr("Access-Control-Allow-Headers: x-API-key\r\n"));
}

TEST(CorsTest, OtherRequestsAreNoPreflights) {
  const CorsPolicy policy(enabled());
  EXPECT_FALSE(policy.preflight("GET", asking("http://app.example", "POST")));
  EXPECT_FALSE(policy.preflight("OPTIONS", Fields{{"Origin", "http://app.example"}}));
  EXPECT_FALSE(policy.preflight("OPTIONS", asking("http://app.example", "")));
}

TEST(CorsTest, WithoutItNothingIsSaid) {
  const CorsPolicy policy{config::Cors()};
  EXPECT_FALSE(policy.preflight("OPTIONS", asking("http://app.example", "POST")));
  EXPECT_EQ(policy.answer_fields("GET", Fields{{"Origin", "http://app.example"}}), "");
}

TEST(CorsTest, AnAnswerNamesItsOriginAndTheFieldsToRead) {
  const std::string lines =
      CorsPolicy(enabled()).answer_fields("POST", Fields{{"Origin", "http://app.example"}});
  EXPECT_THAT(lines, HasSubstr("Vary: Origin\r\nAccess-Control-Allow-Origin: http://app.example"));
  EXPECT_THAT(lines, HasSubstr("Access-Control-Expose-Headers: X-Olla-Request-ID, "));
  EXPECT_THAT(lines, HasSubstr("X-RateLimit-Remaining"));
  EXPECT_THAT(lines, Not(HasSubstr("Credentials")));
}

TEST(CorsTest, AnOriginThatIsNotAllowedIsServedWithoutTheFields) {
  const CorsPolicy policy(enabled());
  for (const char* origin : {"http://other.example", "https://app.example", "http://app.example:1",
                             "http://app.example.evil", "https://trusted.example", "null", ""}) {
    EXPECT_EQ(policy.answer_fields("GET", Fields{{"Origin", origin}}), "Vary: Origin\r\n")
        << origin;
  }
  EXPECT_EQ(policy.answer_fields("GET", Fields{}), "Vary: Origin\r\n");
  EXPECT_EQ(policy.answer_fields("DELETE", Fields{{"Origin", "http://app.example"}}),
            "Vary: Origin\r\n");
}

TEST(CorsTest, AStarInAnOriginStandsForAnything) {
  const CorsPolicy policy(enabled());
  EXPECT_THAT(policy.answer_fields("GET", Fields{{"Origin", "https://a.b.Trusted.example"}}),
              HasSubstr("Allow-Origin: https://a.b.Trusted.example\r\n"));
  config::Cors all = enabled();
  all.allowed_origins = {"*"};
  EXPECT_THAT(CorsPolicy(all).answer_fields("GET", Fields{{"Origin", "null"}}),
              HasSubstr("Allow-Origin: *\r\n"));
}

TEST(CorsTest, WhatIsConfiguredIsSaid) {
  config::Cors cors = enabled();
  cors.exposed_headers = {"X-A", "X-B"};
  cors.allow_credentials = true;
  cors.max_age = std::chrono::seconds(0);
  const CorsPolicy policy(cors);
  EXPECT_EQ(policy.answer_fields("GET", Fields{{"Origin", "http://app.example"}}),
            "Vary: Origin\r\n"
            "Access-Control-Allow-Origin: http://app.example\r\n"
            "Access-Control-Allow-Credentials: true\r\n"
            "Access-Control-Expose-Headers: X-A, X-B\r\n");
  EXPECT_THAT(*policy.preflight("OPTIONS", asking("http://app.example", "GET")),
              Not(HasSubstr("Max-Age")));
}

}  // namespace
}  // namespace olla::limits
