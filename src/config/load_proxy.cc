#include "config/load_proxy.h"

#include <string>

#include "config/ascii.h"
#include "config/units.h"

namespace olla::config {
namespace {

using namespace std::chrono_literals;

// An answer that is not streamed sends its head when the generation is over, which takes longer
// than this for long ones.
constexpr std::chrono::milliseconds kShortHeaderTimeout = 2min;

void read_key_sources(const Section& section, StickySessions& sticky) {
  const auto items = section.texts("key_sources");
  if (!items) return;
  sticky.key_sources.clear();
  for (const Section::Item& item : *items) {
    const auto source = value_of(kStickyKeySources, lower_ascii(item.text));
    if (source) {
      sticky.key_sources.push_back(*source);
    } else {
      section.error("key_sources", item,
                    "must hold some of session_header, prefix_hash, auth_header and ip; got " +
                        in_quotes(item.text));
    }
  }
  if (items->empty()) section.error("key_sources", "must not be empty");
}

void read_sticky_sessions(const Section& section, StickySessions& sticky) {
  section.read("enabled", sticky.enabled);
  if (const auto seconds = section.integer("idle_ttl_seconds")) {
    sticky.idle_ttl = std::chrono::seconds(*seconds);
  }
  section.read("max_sessions", sticky.max_sessions);
  read_key_sources(section, sticky);
  section.read("prefix_hash_bytes", sticky.prefix_hash_bytes);
  section.read("max_imbalance", sticky.max_imbalance);
}

/// Olla's block, which says less than ours, and its older key.
void read_ollas_retry(const Section& proxy, bool has_own, Retry& retry) {
  const bool has_block = proxy.has("retry");
  const Section block = proxy.section("retry");
  if (has_block && has_own) {
    proxy.error("retry", "means the same as retry at the top; give one of them");
  }
  bool enabled = true;
  bool on_connection_failure = true;
  block.read("enabled", enabled);
  block.read("on_connection_failure", on_connection_failure);
  block.read("max_attempts", retry.max_attempts);
  if (!enabled || !on_connection_failure) retry.enabled = false;
  const auto max_retries = proxy.integer("max_retries");
  if (!max_retries) return;
  if (has_block || has_own) {
    proxy.warning("max_retries", "has no effect beside max_attempts of retry");
  } else {
    retry.max_attempts = static_cast<std::uint32_t>(*max_retries) + 1;
  }
}

void read_retry(const Section& section, Retry& retry) {
  section.read("enabled", retry.enabled);
  section.read("max_attempts", retry.max_attempts);
  section.read("budget_percent", retry.budget_percent);
  section.read("non_idempotent", retry.non_idempotent);
}

void read_timeouts(const Section& section, Proxy& proxy) {
  section.read("connection_timeout", proxy.connection_timeout);
  section.read("connection_keep_alive", proxy.connection_keep_alive);
  section.read_unless_zero("response_timeout", proxy.response_timeout);
  section.read_unless_zero("response_header_timeout", proxy.response_header_timeout);
  section.read("read_timeout", proxy.read_timeout);
  if (proxy.response_header_timeout < kShortHeaderTimeout) {
    section.warning("response_header_timeout",
                    "is short: an answer that is not streamed sends its head when the generation "
                    "is over, and one that takes longer than " +
                        duration_text(proxy.response_header_timeout) + " is lost");
  }
}

}  // namespace

void read_proxy(const Section& root, Proxy& proxy) {
  const Section section = root.section("proxy");
  // Both engines of Olla are the one of this program.
  static_cast<void>(section.choice("engine"));
  proxy.profile = section.choice("profile").value_or(proxy.profile);
  if (proxy.profile == "standard") {
    section.warning("profile",
                    "has no effect here: every piece of an answer is passed on as it comes");
  }
  section.read("load_balancer", kLoadBalancers, proxy.load_balancer);
  read_timeouts(section, proxy);
  read_sticky_sessions(section.section("sticky_sessions"), proxy.sticky_sessions);
  read_ollas_retry(section, root.has("retry"), proxy.retry);
  read_retry(root.section("retry"), proxy.retry);
  const Section queue = root.section("queue");
  queue.read("wait", proxy.queue.wait);
  queue.read("max_requests", proxy.queue.max_requests);
  const Section breaker = root.section("breaker");
  breaker.read("enabled", proxy.breaker.enabled);
  breaker.read("failures", proxy.breaker.failures);
  breaker.read("open_for", proxy.breaker.open_for);
}

void read_health_rules(const Section& section, HealthRules& rules) {
  section.read("unhealthy_after", rules.unhealthy_after);
  section.read("healthy_after", rules.healthy_after);
  section.read("slow_start", rules.slow_start);
}

}  // namespace olla::config
