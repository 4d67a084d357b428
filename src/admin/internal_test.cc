#include "admin/internal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "test/gateway.h"

namespace olla::admin {
namespace {

/// A thread of the gateway that is asked for its own documents.
struct InternalTest : testing::Test {
  std::optional<proxy::OwnAnswer> ask(const std::string& method, const std::string& target,
                                      const std::vector<http::Field>& fields = {}) {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    head.fields = fields;
    const std::string_view path = std::string_view(target).substr(0, target.find('?'));
    const proxy::InternalRequest request{head, path, target, {}, "127.0.0.1"};
    return test::run(loop, answer_internal(gateway.services, request));
  }

  test::Loop loop;
  test::Gateway gateway{loop, test::config_for({41001, 41002})};
};

TEST_F(InternalTest, HealthIsOllasBytes) {
  const auto answer = ask("GET", "/internal/health");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"status":"healthy"})");
  EXPECT_TRUE(ask("HEAD", "/internal/health?x"));
}

TEST_F(InternalTest, VersionHasOllasKeys) {
  const auto answer = ask("GET", "/version");
  ASSERT_TRUE(answer);
  const auto document = nlohmann::json::parse(answer->body);
  EXPECT_EQ(document["version"], "v" OLLA_VERSION);
  EXPECT_EQ(document["api"]["endpoints"]["health"], "/internal/health");
  std::set<std::string> keys;
  for (const auto& [key, value] : document.items())
    keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"api", "build", "capabilities",
                                         "capabilities_experimental", "description", "edition",
                                         "links", "name", "supported_backends", "version"}));
}

TEST_F(InternalTest, DocumentsArePicturesOfThisGateway) {
  for (const char* path :
       {"/internal/status", "/internal/status/endpoints", "/internal/stats/models",
        "/internal/stats/translators", "/internal/process"}) {
    const auto answer = ask("GET", path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(nlohmann::json::parse(answer->body).contains("timestamp")) << path;
    EXPECT_EQ(ask("POST", path)->status, 405);
  }
  const auto status = nlohmann::json::parse(ask("GET", "/internal/status")->body);
  EXPECT_EQ(status["endpoints"][0]["id"], "cxhv8w");
  EXPECT_EQ(status["system"]["endpoints_up"], "2/2");
}

TEST_F(InternalTest, AStatusIsSentOnce) {
  for (const char* path : {"/internal/status", "/internal/status/endpoints"}) {
    const auto first = ask("GET", path);
    const std::size_t at = first->extra_fields.find("ETag: ") + 6;
    const std::string tag =
        first->extra_fields.substr(at, first->extra_fields.find("\r\n", at) - at);
    const auto again = ask("GET", path, {{"If-None-Match", tag}});
    EXPECT_EQ(again->status, 304) << path;
    EXPECT_EQ(again->body, "");
  }
}

TEST_F(InternalTest, MetricsAreText) {
  const auto answer = ask("GET", "/internal/metrics");
  EXPECT_EQ(answer->content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(answer->body.starts_with("# HELP olla_info "));
  const auto zipped = ask("GET", "/internal/metrics", {{"Accept-Encoding", "gzip"}});
  EXPECT_TRUE(zipped->body.starts_with("\x1f\x8b"));
}

TEST_F(InternalTest, OtherMethodsAreRefused) {
  const auto answer = ask("DELETE", "/internal/health");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->extra_fields, "Allow: GET, HEAD\r\n");
}

TEST_F(InternalTest, OtherPathsAreNotItsBusiness) {
  EXPECT_FALSE(ask("GET", "/internal/healthy"));
  EXPECT_FALSE(ask("GET", "/"));
}

}  // namespace
}  // namespace olla::admin
