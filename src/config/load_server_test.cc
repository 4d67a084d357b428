#include "config/load_server.h"

#include "test/loaded.h"

namespace olla::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;
using test::expect_errors;
using test::load_with;
using test::texts;

TEST(LoadServerTest, ReadsRateLimits) {
  const Loaded loaded = load_with(R"(
server:
  rate_limits:
    global_requests_per_minute: 1000
    per_ip_requests_per_minute: 100
    burst_size: 7
    cleanup_interval: 1m
    trust_proxy_headers: true
    trusted_proxy_cidrs: [10.1.0.0/16, "::1", 192.168.1.1]
)");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  const RateLimits& limits = loaded.config.server.rate_limits;
  EXPECT_EQ(limits.global_requests_per_minute, 1000u);
  EXPECT_EQ(limits.per_ip_requests_per_minute, 100u);
  EXPECT_EQ(limits.burst_size, 7u);
  EXPECT_EQ(limits.cleanup_interval, 1min);
  EXPECT_TRUE(limits.trust_proxy_headers);
  EXPECT_THAT(limits.trusted_proxy_cidrs, ElementsAre("10.1.0.0/16", "::1", "192.168.1.1"));
}

TEST(LoadServerTest, LimitsThatNoFileSetsAreOff) {
  const RateLimits limits = load_with("").config.server.rate_limits;
  EXPECT_EQ(limits.global_requests_per_minute, 0u);
  EXPECT_EQ(limits.per_ip_requests_per_minute, 0u);
}

TEST(LoadServerTest, OllaW46TheLimitOfHealthRequestsIsNotSilentlyDead) {
  const std::string path = "server: {rate_limits: {health_requests_per_minute: ";
  EXPECT_THAT(texts(load_with(path + "30}}").warnings),
              testing::Contains("f:1: server.rate_limits.health_requests_per_minute: has no effect "
                                "here: requests for the gateway's health are never limited"));
}

TEST(LoadServerTest, ReadsCrossOriginRules) {
  const Loaded loaded = load_with(R"(
server:
  request_logging: false
  cors:
    enabled: true
    allowed_origins: ["https://a.example", "http://*.b.example:8080"]
    allowed_methods: [GET]
    allowed_headers: [X-A, content-type]
    exposed_headers: [X-Olla-Model]
    allow_credentials: true
    max_age: 60
)");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_FALSE(loaded.config.server.request_logging);
  const Cors& cors = loaded.config.server.cors;
  EXPECT_TRUE(cors.enabled);
  EXPECT_THAT(cors.allowed_origins, ElementsAre("https://a.example", "http://*.b.example:8080"));
  EXPECT_THAT(cors.allowed_methods, ElementsAre("GET"));
  EXPECT_THAT(cors.allowed_headers, ElementsAre("X-A", "content-type"));
  EXPECT_THAT(cors.exposed_headers, ElementsAre("X-Olla-Model"));
  EXPECT_TRUE(cors.allow_credentials);
  EXPECT_EQ(cors.max_age, 60s);
}

TEST(LoadServerTest, LimitsAndRulesAreChecked) {
  expect_errors({
      {"server: {rate_limits: {burst_size: 0}}",
       "f:1: server.rate_limits.burst_size: must be a whole number, 1 to 1000000000; got \"0\""},
      {"server: {rate_limits: {per_ip_requests_per_minute: -1}}",
       "f:1: server.rate_limits.per_ip_requests_per_minute: must be a whole number"},
      {"server:\n  rate_limits:\n    trusted_proxy_cidrs:\n      - 10.0.0.0/8\n      - 10.0.0.0/33",
       "f:5: server.rate_limits.trusted_proxy_cidrs: must hold networks such as 10.0.0.0/8 or "
       "::1/128; got \"10.0.0.0/33\""},
      {"server: {rate_limits: {trusted_proxy_cidrs: 10.0.0.0/8}}",
       "f:1: server.rate_limits.trusted_proxy_cidrs: must be a list of texts"},
      {"server: {rate_limits: {trusted_proxy_cidrs: [[a]]}}",
       "f:1: server.rate_limits.trusted_proxy_cidrs: must hold texts that are not empty"},
      {"server: {rate_limit: {}}", "f:1: server.rate_limit: unknown key; did you mean rate_limits"},
      {"server: {cors: {allow_credentials: true}}",
       "f:1: server.cors.allow_credentials: cannot be true while allowed_origins has *"},
      {"server: {cors: {allow_credentials: true, allowed_origins: ['http://a', '*']}}",
       "f:1: server.cors.allow_credentials: cannot be true while allowed_origins has *"},
      {"server: {cors: {enabled: true, allowed_origins: []}}",
       "f:1: server.cors.allowed_origins: must not be empty when cors is enabled"},
      {"server: {cors: {max_age: -1}}",
       "f:1: server.cors.max_age: must be a whole number, 0 to 86400"},
      {"server: {cors: {allowed_origins: ['https://a/b']}}",
       "f:1: server.cors.allowed_origins: must hold origins such as https://example.com"},
      {"server: {cors: {allowed_origins: [a.example]}}",
       "f:1: server.cors.allowed_origins: must hold origins such as"},
      {"server: {cors: {allowed_origins: ['https://*.*.example']}}",
       "f:1: server.cors.allowed_origins: must hold origins such as"},
      {"server: {cors: {allowed_methods: ['GET POST']}}",
       "f:1: server.cors.allowed_methods: must hold names alone; got \"GET POST\""},
      {"server: {cors: {exposed_headers: ['X:A']}}",
       "f:1: server.cors.exposed_headers: must hold names alone"},
  });
}

TEST(LoadServerTest, ReadsWhoMayAskForTheGatewaysOwnDocuments) {
  EXPECT_FALSE(load_with("dashboard: {access_policy: {allowed_cidrs: [10.0.0.0/8]}}")
                   .config.internal_access);
  const Loaded own = load_with(
      "internal: {access_policy: {allowed_cidrs: [10.0.0.0/8], allowed_hosts: [Olla.Example]}}\n"
      "dashboard: {gate_internal_api: true}\n");
  EXPECT_THAT(texts(own.errors), IsEmpty());
  ASSERT_TRUE(own.config.internal_access);
  EXPECT_THAT(own.config.internal_access->allowed_cidrs, ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(own.config.internal_access->allowed_hosts, ElementsAre("olla.example"));
}

TEST(LoadServerTest, OllaW46TheGateOfTheDashboardHoldsForTheGatewaysOwnDocuments) {
  const Loaded loaded = load_with(
      "dashboard: {gate_internal_api: true, access_policy: {allowed_cidrs: [10.0.0.0/8]}}");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  ASSERT_TRUE(loaded.config.internal_access);
  EXPECT_THAT(loaded.config.internal_access->allowed_cidrs, ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(loaded.config.internal_access->allowed_hosts, ElementsAre("localhost"));
}

TEST(LoadServerTest, AccessPoliciesAreChecked) {
  expect_errors({
      {"dashboard: {access_policy: {allowed_cidrs: [x]}}",
       "f:1: dashboard.access_policy.allowed_cidrs: must hold networks such as"},
      {"internal: {access_policy: {allowed_cidrs: []}}",
       "f:1: internal.access_policy.allowed_cidrs: must not be empty"},
      {"internal: {access_policy: {allowed_hosts: ['a:80']}}",
       "f:1: internal.access_policy.allowed_hosts: must hold names of hosts, without a port"},
      {"internal: {allowed_hosts: [a]}", "f:1: internal.allowed_hosts: unknown key"},
  });
}

}  // namespace
}  // namespace olla::config
