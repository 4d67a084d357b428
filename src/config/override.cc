#include "config/override.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/ascii.h"
#include "config/schema.h"
#include "config/secret.h"

namespace olla::config {
namespace {

using Form = Override::Form;

constexpr Override kOverrides[] = {
    {"OLLA_SERVER_HOST", "server.host"},
    {"OLLA_SERVER_PORT", "server.port"},
    {"OLLA_SERVER_READ_TIMEOUT", "server.read_timeout"},
    {"OLLA_SERVER_READ_HEADER_TIMEOUT", "server.read_header_timeout"},
    {"OLLA_SERVER_WRITE_TIMEOUT", "server.write_timeout"},
    {"OLLA_SERVER_MAX_BODY_SIZE", "server.request_limits.max_body_size"},
    {"OLLA_SERVER_MAX_HEADER_SIZE", "server.request_limits.max_header_size"},
    {"OLLA_SERVER_GLOBAL_RATE_LIMIT", "server.rate_limits.global_requests_per_minute"},
    {"OLLA_SERVER_PER_IP_RATE_LIMIT", "server.rate_limits.per_ip_requests_per_minute"},
    {"OLLA_SERVER_RATE_BURST_SIZE", "server.rate_limits.burst_size"},
    {"OLLA_SERVER_HEALTH_RATE_LIMIT", "server.rate_limits.health_requests_per_minute"},
    {"OLLA_SERVER_RATE_CLEANUP_INTERVAL", "server.rate_limits.cleanup_interval"},
    {"OLLA_SERVER_TRUST_PROXY_HEADERS", "server.rate_limits.trust_proxy_headers"},
    {"OLLA_SERVER_TRUSTED_PROXY_CIDRS", "server.rate_limits.trusted_proxy_cidrs"},
    {"OLLA_SERVER_CORS_ENABLED", "server.cors.enabled"},
    {"OLLA_SERVER_CORS_ALLOWED_ORIGINS", "server.cors.allowed_origins"},
    {"OLLA_SERVER_CORS_ALLOWED_METHODS", "server.cors.allowed_methods"},
    {"OLLA_SERVER_CORS_ALLOWED_HEADERS", "server.cors.allowed_headers"},
    {"OLLA_SERVER_CORS_EXPOSED_HEADERS", "server.cors.exposed_headers"},
    {"OLLA_SERVER_CORS_ALLOW_CREDENTIALS", "server.cors.allow_credentials"},
    {"OLLA_SERVER_CORS_MAX_AGE", "server.cors.max_age"},
    {"OLLA_PROXY_ENGINE", "proxy.engine"},
    {"OLLA_PROXY_LOAD_BALANCER", "proxy.load_balancer"},
    {"OLLA_PROXY_PROFILE", "proxy.profile"},
    {"OLLA_PROXY_RESPONSE_TIMEOUT", "proxy.response_timeout"},
    {"OLLA_PROXY_READ_TIMEOUT", "proxy.read_timeout"},
    {"OLLA_PROXY_RESPONSE_HEADER_TIMEOUT", "proxy.response_header_timeout"},
    {"OLLA_PROXY_TLS_HANDSHAKE_TIMEOUT", "proxy.tls_handshake_timeout"},
    {"OLLA_PROXY_CONNECTION_KEEP_ALIVE", "proxy.connection_keep_alive"},
    {"OLLA_PROXY_STICKY_SESSIONS_ENABLED", "proxy.sticky_sessions.enabled"},
    // The log of Olla's process; its other names for the same come after and win.
    {"OLLA_LOG_LEVEL", "logging.level"},
    {"OLLA_PRETTY_LOGS", "logging.format", Form::kForPeople},
    {"OLLA_LOGGING_LEVEL", "logging.level"},
    {"OLLA_LOGGING_FORMAT", "logging.format"},
    {"OLLA_FILE_OUTPUT", "logging.output", Form::kToFile},
    {"OLLA_LOG_DIR", "logging.directory"},
    {"OLLA_LOG_SIZE_MB", "logging.max_size", Form::kMegabytes},
    {"OLLA_LOG_MAX_BACKUPS", "logging.max_backups"},
    {"OLLA_SHOW_NERD_STATS", "engineering.show_nerdstats"},
    {"OLLA_MODEL_REGISTRY_TYPE", "model_registry.type"},
    {"OLLA_MODEL_UNIFIER_ENABLED", "model_registry.enable_unifier"},
    {"OLLA_TRANSLATORS_ANTHROPIC_ENABLED", "translators.anthropic.enabled"},
    {"OLLA_TRANSLATORS_ANTHROPIC_PASSTHROUGH_ENABLED", "translators.anthropic.passthrough_enabled"},
    {"OLLA_TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE", "translators.anthropic.max_message_size"},
};

constexpr IgnoredVariable kIgnored[] = {
    {"OLLA_ENABLE_PROFILER", "false, 0", "there is no profiler"},
    {"OLLA_CONFIG_DIR", "",
     "what names of models say of their families and abilities is built in, and no models.yaml is "
     "read"},
    {"OLLA_LOG_MAX_AGE_DAYS", "14", "old files of the log go by their number alone"},
    {"OLLA_THEME", "default", "the log has no colours"},
    {"OLLA_FORCE_COLORS", "false, 0", "the log has no colours"},
};

ValuePtr scalar(std::string text) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kScalar;
  value->text = std::move(text);
  return value;
}

/// The items of "a, b", as a list of the file.
ValuePtr list_of(std::string_view text) {
  auto list = std::make_shared<Value>();
  list->kind = Value::Kind::kSequence;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view item = trimmed(text.substr(0, end));
    if (!item.empty()) list->items.push_back(scalar(std::string(item)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

/// The value for the key; null when none can be made of the text.
ValuePtr value_of(const Override& from, const std::string& text) {
  const std::optional<bool> yes = truth(text);
  switch (from.form) {
    case Form::kMegabytes:
      return scalar(text + "MB");
    case Form::kToFile:
      return yes ? scalar(*yes ? "file" : "stdout") : nullptr;
    case Form::kForPeople:
      return yes ? scalar(*yes ? "text" : "json") : nullptr;
    case Form::kText:
      break;
  }
  const Key* key = find_key(from.path);
  if (key != nullptr && key->kind == Kind::kList) return list_of(text);
  if (key != nullptr && key->kind == Kind::kBoolean && yes) return scalar(*yes ? "true" : "false");
  return scalar(text);
}

/// A copy of `node` whose entry at `path` is the variable's value. What stands in the way without
/// being a mapping stays, to be reported.
ValuePtr with_value(const ValuePtr& node, std::string_view path, const Override& from,
                    const ValuePtr& value) {
  if (node->kind != Value::Kind::kMapping && node->kind != Value::Kind::kNull) return node;
  auto copy = std::make_shared<Value>(*node);
  copy->kind = Value::Kind::kMapping;
  const std::size_t dot = std::min(path.find('.'), path.size());
  const std::string_view key = path.substr(0, dot);
  const bool is_last = dot == path.size();
  auto found = std::find_if(copy->entries.begin(), copy->entries.end(),
                            [key](const Entry& entry) { return entry.key == key; });
  if (found == copy->entries.end()) {
    copy->entries.push_back({std::string(key), 0, std::make_shared<Value>(), {}});
    found = copy->entries.end() - 1;
  }
  found->value = is_last ? value : with_value(found->value, path.substr(dot + 1), from, value);
  if (is_last) found->variable = from.variable;
  return copy;
}

std::optional<std::string> text_of(std::string_view variable, const Environment& env) {
  auto text = env(std::string(variable));
  if (text && text->empty()) return std::nullopt;
  return text;
}

}  // namespace

std::span<const Override> overrides() {
  return kOverrides;
}

std::span<const IgnoredVariable> ignored_variables() {
  return kIgnored;
}

std::optional<bool> truth(std::string_view text) {
  const std::string word = lower_ascii(text);
  if (is_in("1, t, true, yes, on", word)) return true;
  if (is_in("0, f, false, no, off", word)) return false;
  return std::nullopt;
}

ValuePtr with_overrides(const ValuePtr& document, const Environment& env, Problems& problems) {
  ValuePtr changed = document;
  for (const Override& from : kOverrides) {
    const auto text = text_of(from.variable, env);
    if (!text) continue;
    if (is_service_address(from.variable, *text)) {
      problems.warning("$" + std::string(from.variable), 0,
                       "is ignored: " + in_quotes(*text) +
                           " is what Kubernetes sets for a Service of such a name; "
                           "enableServiceLinks: false in the pod keeps it away");
      continue;
    }
    if (const ValuePtr value = value_of(from, *text)) {
      changed = with_value(changed, from.path, from, value);
    } else {
      problems.error("$" + std::string(from.variable), 0,
                     "must be true or false; got " + in_quotes(*text));
    }
  }
  for (const IgnoredVariable& ignored : kIgnored) {
    const auto text = text_of(ignored.variable, env);
    if (!text || is_in(ignored.silent, lower_ascii(*text))) continue;
    problems.warning("$" + std::string(ignored.variable), 0,
                     "has no effect here: " + std::string(ignored.reason));
  }
  return changed;
}

std::vector<Problem> unknown_variables(const std::vector<std::string>& set,
                                       const std::set<std::string>& asked, const Environment& env) {
  Problems problems;
  for (const std::string& name : set) {
    if (asked.contains(name) || is_of_kubernetes(name, env(name).value_or(""))) continue;
    problems.warning("$" + printable(name), 0, "is not known, and has no effect");
  }
  return problems.take_warnings();
}

}  // namespace olla::config
