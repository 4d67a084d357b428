#include "config/load_proxy.h"

#include "test/loaded.h"

namespace olla::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;
using test::endpoint_with;
using test::expect_errors;
using test::load_with;
using test::only_endpoint;
using test::texts;

TEST(LoadProxyTest, ReadsEveryKey) {
  const Loaded loaded = load_with(R"(
proxy:
  engine: sherpa
  load_balancer: Round-Robin
  response_timeout: 5m
  sticky_sessions:
    enabled: true
    idle_ttl_seconds: 0
    max_sessions: 5
    key_sources: [ip, session_header]
    prefix_hash_bytes: 100
    max_imbalance: 0
retry: {enabled: false, max_attempts: 3, budget_percent: 10, non_idempotent: false}
queue: {wait: 30s, max_requests: 7}
breaker: {enabled: false, failures: 2, open_for: 5s}
)");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  const Proxy& proxy = loaded.config.proxy;
  EXPECT_EQ(proxy.load_balancer, LoadBalancer::kRoundRobin);
  EXPECT_EQ(proxy.response_timeout, 5min);
  EXPECT_TRUE(proxy.sticky_sessions.enabled);
  EXPECT_EQ(proxy.sticky_sessions.idle_ttl, 0s);
  EXPECT_EQ(proxy.sticky_sessions.max_sessions, 5u);
  EXPECT_THAT(proxy.sticky_sessions.key_sources,
              ElementsAre(StickyKeySource::kIp, StickyKeySource::kSessionHeader));
  EXPECT_EQ(proxy.sticky_sessions.prefix_hash_bytes, 100u);
  EXPECT_EQ(proxy.sticky_sessions.max_imbalance, 0u);
  EXPECT_FALSE(proxy.retry.enabled);
  EXPECT_EQ(proxy.retry.max_attempts, 3u);
  EXPECT_EQ(proxy.retry.budget_percent, 10u);
  EXPECT_FALSE(proxy.retry.non_idempotent);
  EXPECT_EQ(proxy.queue.wait, 30s);
  EXPECT_EQ(proxy.queue.max_requests, 7u);
  EXPECT_FALSE(proxy.breaker.enabled);
  EXPECT_EQ(proxy.breaker.failures, 2u);
  EXPECT_EQ(proxy.breaker.open_for, 5s);
}

TEST(LoadProxyTest, ReadsEveryLoadBalancer) {
  const std::pair<const char*, LoadBalancer> cases[] = {
      {"priority", LoadBalancer::kPriority},
      {"round-robin", LoadBalancer::kRoundRobin},
      {"least-connections", LoadBalancer::kLeastConnections},
      {"random", LoadBalancer::kRandom},
      {"power-of-two", LoadBalancer::kPowerOfTwo},
  };
  for (const auto& [word, value] : cases) {
    const Loaded loaded = load_with("proxy: {load_balancer: " + std::string(word) + "}");
    EXPECT_EQ(loaded.config.proxy.load_balancer, value);
  }
}

TEST(LoadProxyTest, OllaW46KeysThatAreDeadInOllaHaveTheEffectOfTheirName) {
  const auto retry_of = [](const char* yaml) {
    const Loaded loaded = load_with(yaml);
    EXPECT_THAT(texts(loaded.errors), IsEmpty());
    return loaded.config.proxy.retry;
  };
  EXPECT_EQ(retry_of("proxy: {max_retries: 2}").max_attempts, 3u);
  EXPECT_EQ(retry_of("proxy: {max_retries: 0}").max_attempts, 1u);
  EXPECT_EQ(retry_of("proxy: {retry: {max_attempts: 4}}").max_attempts, 4u);
  EXPECT_TRUE(retry_of("proxy: {retry: {enabled: true}}").enabled);
  EXPECT_FALSE(retry_of("proxy: {retry: {enabled: false}}").enabled);
  EXPECT_FALSE(retry_of("proxy: {retry: {on_connection_failure: false}}").enabled);
  EXPECT_EQ(load_with("proxy: {response_timeout: 20s}").config.proxy.response_timeout, 20s);
  EXPECT_EQ(load_with("proxy: {response_timeout: 0}").config.proxy.response_timeout, 15min);
}

TEST(LoadProxyTest, OllaW46KeysWithoutAnEffectSayWhyNot) {
  for (const char* line : {"profile: standard", "retry_backoff: 500ms", "profile_filter: {}"}) {
    const std::string key = std::string(line).substr(0, std::string(line).find(':'));
    EXPECT_THAT(texts(load_with("proxy: {" + std::string(line) + "}").warnings),
                Contains(StartsWith("f:1: proxy." + key + ": has no effect here: ")));
  }
}

TEST(LoadProxyTest, MaxRetriesBesideABlockOfRetriesCostsAWarning) {
  const Loaded loaded = load_with("proxy: {max_retries: 2}\nretry: {max_attempts: 5}\n");
  EXPECT_EQ(loaded.config.proxy.retry.max_attempts, 5u);
  EXPECT_THAT(texts(loaded.warnings),
              Contains("f:1: proxy.max_retries: has no effect beside max_attempts of retry"));
}

TEST(LoadProxyTest, AShortWaitForTheHeadCostsAWarning) {
  const auto warnings_of = [](const std::string& timeout) {
    return texts(load_with(endpoint_with("") + "proxy: {response_header_timeout: " + timeout + "}")
                     .warnings);
  };
  EXPECT_THAT(warnings_of("119s"),
              ElementsAre(StartsWith("f:5: proxy.response_header_timeout: is short: ")));
  EXPECT_THAT(warnings_of("2m"), IsEmpty());
  EXPECT_THAT(warnings_of("0"), IsEmpty());
}

TEST(LoadProxyTest, OllaW47ABadEngineOrBalancerIsAnError) {
  expect_errors({
      {"proxy: {engine: foo}", "f:1: proxy.engine: must be one of: olla, sherpa; got \"foo\""},
      {"proxy: {load_balancer: foo}", "f:1: proxy.load_balancer: must be one of: priority, "},
  });
}

TEST(LoadProxyTest, ValuesAreChecked) {
  expect_errors({
      {"retry: {max_attempts: 2}\nproxy: {retry: {max_attempts: 3}}",
       "f:2: proxy.retry: means the same as retry at the top; give one of them"},
      {"proxy: {sticky_sessions: {key_sources: [cookie]}}",
       "f:1: proxy.sticky_sessions.key_sources: must hold some of session_header, prefix_hash, "
       "auth_header and ip; got \"cookie\""},
      {"proxy: {sticky_sessions: {key_sources: []}}",
       "f:1: proxy.sticky_sessions.key_sources: must not be empty"},
      {"proxy: {retry: {budget_percent: 5}}",
       "f:1: proxy.retry.budget_percent: unknown key; did you mean retry.budget_percent?"},
      {"breaker: {failures: 0}", "f:1: breaker.failures: must be a whole number, 1 to 1000"},
      {"queue: {wait: 30}", "f:1: queue.wait: needs a unit"},
  });
}

TEST(LoadProxyTest, EndpointsTakeTheRulesOfHealthUnlessTheyHaveTheirOwn) {
  const Loaded loaded =
      load_with("health: {unhealthy_after: 3, healthy_after: 2, slow_start: 1s}\n" +
                endpoint_with("unhealthy_after: 5\nweight: 3\nmax_concurrent: 8"));
  const Endpoint endpoint = only_endpoint(loaded);
  EXPECT_EQ(endpoint.health.unhealthy_after, 5u);
  EXPECT_EQ(endpoint.health.healthy_after, 2u);
  EXPECT_EQ(endpoint.health.slow_start, 1s);
  EXPECT_EQ(endpoint.weight, 3u);
  EXPECT_EQ(endpoint.max_concurrent, 8u);
  const Endpoint own = only_endpoint(load_with(endpoint_with("healthy_after: 4\nslow_start: 0")));
  EXPECT_EQ(own.health.unhealthy_after, 2u);
  EXPECT_EQ(own.health.healthy_after, 4u);
  EXPECT_EQ(own.health.slow_start, 0s);
}

}  // namespace
}  // namespace olla::config
