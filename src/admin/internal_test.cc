#include "admin/internal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace olla::admin {
namespace {

TEST(InternalTest, HealthIsOllasBytes) {
  const auto answer = answer_internal("GET", "/internal/health");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"status":"healthy"})");
  EXPECT_TRUE(answer_internal("HEAD", "/internal/health"));
}

TEST(InternalTest, VersionNamesTheProgramAndItsDocuments) {
  const auto answer = answer_internal("GET", "/version");
  ASSERT_TRUE(answer);
  const auto document = nlohmann::json::parse(answer->body);
  EXPECT_EQ(document["name"], "olla");
  EXPECT_EQ(document["version"], "v" OLLA_VERSION);
  EXPECT_EQ(document["api"]["endpoints"]["health"], "/internal/health");
}

TEST(InternalTest, OtherMethodsAreRefused) {
  const auto answer = answer_internal("DELETE", "/internal/health");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->extra_fields, "Allow: GET, HEAD\r\n");
}

TEST(InternalTest, OtherPathsAreNotItsBusiness) {
  EXPECT_FALSE(answer_internal("GET", "/internal/healthy"));
  EXPECT_FALSE(answer_internal("GET", "/"));
}

}  // namespace
}  // namespace olla::admin
