#include "config/schema.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "config/load.h"
#include "config/override.h"
#include "config/words.h"
#include "test/loaded.h"

namespace olla::config {
namespace {

using Cells = std::vector<std::string>;

/// The rows of the tables in docs/configuration.md, by their first cell without its backticks.
class Document {
 public:
  Document() {
    std::ifstream in(std::string(OLLA_SOURCE_DIR) + "/docs/configuration.md");
    std::string line;
    std::string heading;
    while (std::getline(in, line)) {
      if (line.starts_with("## ")) heading = line.substr(3);
      if (line.starts_with("```")) {
        if (in_example_) examples_.push_back(std::exchange(example_, {}));
        in_example_ = line == "```yaml";
      } else if (in_example_) {
        example_ += line + "\n";
      }
      if (!line.starts_with("| `")) continue;
      const Cells cells = split(line);
      const bool is_new = tables_[heading].emplace(plain(cells[0]), cells).second;
      EXPECT_TRUE(is_new) << cells[0] << " has two rows";
    }
  }

  [[nodiscard]] const std::map<std::string, Cells>& table(const std::string& heading) const {
    static const std::map<std::string, Cells> none;
    const auto found = tables_.find(heading);
    return found == tables_.end() ? none : found->second;
  }

  /// The blocks of YAML.
  [[nodiscard]] const std::vector<std::string>& examples() const { return examples_; }

  static std::string plain(std::string cell) {
    std::erase(cell, '`');
    return cell;
  }

 private:
  static Cells split(const std::string& line) {
    Cells cells;
    std::istringstream in(line.substr(1));
    for (std::string cell; std::getline(in, cell, '|');) {
      const auto begin = cell.find_first_not_of(' ');
      const auto end = cell.find_last_not_of(' ');
      cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
    }
    return cells;
  }

  std::map<std::string, std::map<std::string, Cells>> tables_;
  std::vector<std::string> examples_;
  std::string example_;
  bool in_example_ = false;
};

std::set<std::string> schema_paths(Key::Status status) {
  std::set<std::string> paths;
  for (const Key& key : keys())
    if (key.status == status) paths.emplace(key.path);
  return paths;
}

std::set<std::string> first_cells(const std::map<std::string, Cells>& table) {
  std::set<std::string> cells;
  for (const auto& [first, row] : table)
    cells.insert(first);
  return cells;
}

TEST(SchemaTest, TheDocumentHasEveryKeyAndNoOther) {
  const Document document;
  EXPECT_EQ(first_cells(document.table("Keys")), schema_paths(Key::Status::kImplemented));
  EXPECT_EQ(first_cells(document.table("Ignored keys")), schema_paths(Key::Status::kIgnored));
}

TEST(SchemaTest, TheDocumentSaysWhyAKeyIsIgnored) {
  const Document document;
  for (const auto& [path, cells] : document.table("Ignored keys")) {
    SCOPED_TRACE(path);
    const Key* key = find_key(path);
    ASSERT_NE(key, nullptr);
    ASSERT_EQ(cells.size(), 3u);
    EXPECT_EQ(cells[1], key->silent);
    EXPECT_EQ(cells[2], key->reason);
    EXPECT_FALSE(key->reason.empty());
  }
}

TEST(SchemaTest, TheDocumentHasEveryVariableAndNoOther) {
  const Document document;
  std::set<std::string> variables;
  for (const Override& from : overrides()) {
    variables.emplace(from.variable);
    const auto& table = document.table("Environment variables");
    const auto row = table.find(std::string(from.variable));
    if (row == table.end()) continue;  // Reported below.
    EXPECT_EQ(Document::plain(row->second.at(1)), from.path);
    EXPECT_EQ(row->second.at(2).empty(), from.form == Override::Form::kText) << from.variable;
  }
  EXPECT_EQ(first_cells(document.table("Environment variables")), variables);
  std::set<std::string> ignored;
  for (const IgnoredVariable& variable : ignored_variables()) {
    ignored.emplace(variable.variable);
    const auto& table = document.table("Ignored variables");
    const auto row = table.find(std::string(variable.variable));
    if (row == table.end()) continue;
    EXPECT_EQ(row->second.at(1), variable.silent);
    EXPECT_EQ(row->second.at(2), variable.reason);
  }
  EXPECT_EQ(first_cells(document.table("Ignored variables")), ignored);
}

TEST(SchemaTest, TheDocumentAgreesOnTypesDefaultsAndRanges) {
  const Document document;
  for (const auto& [path, cells] : document.table("Keys")) {
    SCOPED_TRACE(path);
    const Key* key = find_key(path);
    ASSERT_NE(key, nullptr);
    ASSERT_EQ(cells.size(), 5u);
    EXPECT_EQ(cells[1], kind_text(key->kind));
    if (key->initial.empty()) {
      EXPECT_EQ(cells[2].find('`'), std::string::npos) << "a default that the schema does not have";
    } else {
      EXPECT_EQ(cells[2], "`" + std::string(key->initial) + "`");
    }
    if (!allowed_text(*key).empty()) {
      EXPECT_EQ(cells[3], allowed_text(*key));
    }
    EXPECT_FALSE(cells[4].empty());
  }
}

TEST(SchemaTest, TheDocumentHasEveryEndpointType) {
  const Document document;
  std::string names;
  for (const auto& [name, cells] : document.table("Endpoint types")) {
    SCOPED_TRACE(name);
    const Profile* type = builtin_profiles()->of_type(name);
    ASSERT_NE(type, nullptr);
    ASSERT_EQ(cells.size(), 5u);
    EXPECT_EQ(type->name, name);
    std::string prefixes;
    for (const std::string& prefix : type->prefixes)
      prefixes += (prefixes.empty() ? "" : ", ") + prefix;
    EXPECT_EQ(Document::plain(cells[1]), prefixes);
    EXPECT_EQ(Document::plain(cells[2]), type->health_check_path);
    EXPECT_EQ(Document::plain(cells[3]), type->models_path);
    EXPECT_EQ(Document::plain(cells[4]), type->messages_path);
    names += name + ", ";
  }
  // Each is in both; of equal length together they are the same.
  EXPECT_EQ(names.size(), builtin_profiles()->names().size() + 2);
}

TEST(SchemaTest, TheExamplesOfTheDocumentLoadWithoutWarnings) {
  const auto env = [](const std::string& name) -> std::optional<std::string> {
    if (name.starts_with("OLLA_")) return std::nullopt;
    return "x";
  };
  const Document document;
  int whole_files = 0;
  for (const std::string& example : document.examples()) {
    if (!example.starts_with("endpoints:")) continue;  // A part of a file.
    const Loaded loaded = load(example, env, system_secret_files());
    EXPECT_EQ(loaded.errors, std::vector<Problem>());
    EXPECT_EQ(loaded.warnings, std::vector<Problem>());
    ++whole_files;
  }
  EXPECT_EQ(whole_files, 2);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts)
    out += text + ",";
  return out;
}

void dump_server(std::ostream& out, const Server& server) {
  const RateLimits& limits = server.rate_limits;
  const Cors& cors = server.cors;
  out << server.host << ' ' << server.port << ' ' << server.threads << ' '
      << server.read_header_timeout.count() << ' ' << server.read_timeout.count() << ' '
      << server.idle_timeout.count() << ' ' << server.shutdown_timeout.count() << ' '
      << server.request_limits.max_body_size << ' ' << server.request_limits.max_header_size << ' '
      << server.request_logging << '\n'
      << limits.global_requests_per_minute << ' ' << limits.per_ip_requests_per_minute << ' '
      << limits.burst_size << ' ' << limits.cleanup_interval.count() << ' '
      << limits.trust_proxy_headers << ' ' << joined(limits.trusted_proxy_cidrs) << '\n'
      << cors.enabled << ' ' << joined(cors.allowed_origins) << ' ' << joined(cors.allowed_methods)
      << ' ' << joined(cors.allowed_headers) << ' ' << joined(cors.exposed_headers) << ' '
      << cors.allow_credentials << ' ' << cors.max_age.count() << '\n';
}

void dump_proxy(std::ostream& out, const Proxy& proxy) {
  const StickySessions& sticky = proxy.sticky_sessions;
  out << static_cast<int>(proxy.load_balancer) << ' ' << proxy.response_timeout.count() << ' '
      << proxy.connection_timeout.count() << ' ' << proxy.response_header_timeout.count() << ' '
      << proxy.connection_keep_alive.count() << ' ' << proxy.read_timeout.count() << '\n'
      << sticky.enabled << ' ' << sticky.idle_ttl.count() << ' ' << sticky.max_sessions << ' '
      << sticky.prefix_hash_bytes << ' ' << sticky.max_imbalance;
  for (const StickyKeySource source : sticky.key_sources)
    out << ' ' << static_cast<int>(source);
  out << '\n'
      << proxy.retry.enabled << ' ' << proxy.retry.max_attempts << ' ' << proxy.retry.budget_percent
      << ' ' << proxy.retry.non_idempotent << '\n'
      << proxy.queue.wait.count() << ' ' << proxy.queue.max_requests << '\n'
      << proxy.breaker.enabled << ' ' << proxy.breaker.failures << ' '
      << proxy.breaker.open_for.count() << '\n';
}

void dump_models(std::ostream& out, const Config& config) {
  const ModelDiscovery& discovery = config.model_discovery;
  const ModelRegistry& registry = config.model_registry;
  const Anthropic& anthropic = config.anthropic;
  out << discovery.enabled << ' ' << discovery.interval.count() << ' ' << discovery.timeout.count()
      << ' ' << discovery.concurrent_workers << ' ' << discovery.retry_attempts << ' '
      << discovery.retry_backoff.count() << '\n'
      << registry.enable_unifier << ' ' << registry.stale_threshold.count() << ' '
      << registry.cleanup_interval.count() << ' ' << static_cast<int>(registry.strategy) << ' '
      << static_cast<int>(registry.fallback) << ' ' << registry.discovery_timeout.count() << ' '
      << registry.discovery_refresh_on_miss << '\n'
      << config.model_aliases_rewrite_response << ' ' << anthropic.enabled << ' '
      << anthropic.passthrough_enabled << ' ' << anthropic.max_message_size << '\n';
  for (const ModelAlias& alias : config.model_aliases)
    out << alias.name << ' ' << joined(alias.models) << '\n';
}

void dump_endpoint(std::ostream& out, const Endpoint& endpoint) {
  out << endpoint.url << ' ' << endpoint.name << ' ' << endpoint.type << ' ' << endpoint.priority
      << ' ' << endpoint.weight << ' ' << endpoint.max_concurrent << ' '
      << endpoint.check_interval.count() << ' ' << endpoint.check_timeout.count() << ' '
      << endpoint.health.unhealthy_after << ' ' << endpoint.health.healthy_after << ' '
      << endpoint.health.slow_start.count() << ' ' << endpoint.preserve_path << ' '
      << endpoint.forward_client_auth << ' ' << joined(endpoint.model_filter.include) << ' '
      << joined(endpoint.model_filter.exclude);
  for (const Header& header : endpoint.headers)
    out << ' ' << header.name << '=' << header.value;
  out << '\n';
}

/// Everything that a key may change, as text.
std::string dump(const Config& config) {
  std::ostringstream out;
  dump_server(out, config.server);
  dump_proxy(out, config.proxy);
  dump_models(out, config);
  const Vllm& vllm = config.vllm;
  const Logging& logging = config.logging;
  out << static_cast<int>(logging.level) << ' ' << static_cast<int>(logging.format) << ' '
      << static_cast<int>(logging.output) << ' ' << logging.directory << ' '
      << logging.file_bytes_max << ' ' << logging.files_kept << '\n'
      << vllm.metrics_interval.count() << ' ' << vllm.translate_parameters << ' '
      << vllm.admin_routes.size() << '\n';
  for (const Endpoint& endpoint : config.endpoints)
    dump_endpoint(out, endpoint);
  return out.str();
}

/// YAML that gives `path` the value `value`.
std::string yaml_of(std::string_view path, std::string_view value) {
  static constexpr std::string_view kEndpoint = "endpoints[].";
  std::string yaml;
  std::string indent;
  if (path.starts_with(kEndpoint)) {
    path.remove_prefix(kEndpoint.size());
    yaml = "endpoints:\n  - url: http://h:1";
    indent = "    ";
  }
  std::istringstream in{std::string(path)};
  for (std::string name; std::getline(in, name, '.'); indent += "  ") {
    if (!yaml.empty()) yaml += '\n';
    yaml += indent;
    yaml += name;
    yaml += ':';
  }
  return yaml + " " + std::string(value) + "\n";
}

Loaded load_yaml(const std::string& yaml) {
  return test::load_with(yaml);
}

TEST(SchemaTest, WritingADefaultDownChangesNothing) {
  for (const Key& key : keys()) {
    if (key.initial.empty()) continue;
    SCOPED_TRACE(key.path);
    const bool in_endpoint = key.path.starts_with("endpoints[]");
    std::string yaml = yaml_of(key.path, key.initial);
    std::string plain = in_endpoint ? "endpoints:\n  - url: http://h:1\n" : "";
    if (key.path.starts_with("endpoints[].auth.")) {  // Which holds nothing without these two.
      for (std::string* text : {&yaml, &plain})
        *text += (text == &plain ? "    auth:\n" : "") + std::string("      type: api_key\n") +
                 "      key: k\n";
    }
    const Loaded with = load_yaml(yaml);
    EXPECT_EQ(with.errors, std::vector<Problem>());
    Config without = load_yaml(plain).config;
    // Written down, the policy holds for every gateway.
    const bool is_policy = key.path.starts_with("internal.access_policy.");
    EXPECT_EQ(with.config.internal_access.has_value(), is_policy);
    if (is_policy) {
      EXPECT_EQ(with.config.internal_access->allowed_cidrs, AccessPolicy().allowed_cidrs);
      EXPECT_EQ(with.config.internal_access->allowed_hosts, AccessPolicy().allowed_hosts);
    }
    EXPECT_EQ(dump(with.config), dump(without));
  }
}

TEST(SchemaTest, TheDefaultsOfAnEmptyFileAreThoseOfTheStructs) {
  EXPECT_EQ(dump(load_yaml("").config), dump(Config()));
  Config one;
  Endpoint& endpoint = one.endpoints.emplace_back();
  endpoint.url = "http://h:1";
  endpoint.name = "h:1";
  endpoint.type = "openai-compatible";
  EXPECT_EQ(dump(load_yaml("endpoints:\n  - url: http://h:1\n").config), dump(one));
}

TEST(SchemaTest, AZeroOfOllaIsTheDefault) {
  const Config config = load_yaml(
                            "server: {read_timeout: 0s, request_limits: {max_header_size: 0},\n"
                            "         rate_limits: {cleanup_interval: 0s}}\n"
                            "proxy: {read_timeout: 0s}\n"
                            "model_registry: {unification: {cleanup_interval: 0s}}\n")
                            .config;
  const Config usual;
  EXPECT_EQ(config.server.read_timeout, usual.server.read_timeout);
  EXPECT_EQ(config.server.request_limits.max_header_size,
            usual.server.request_limits.max_header_size);
  EXPECT_EQ(config.server.rate_limits.cleanup_interval, usual.server.rate_limits.cleanup_interval);
  EXPECT_EQ(config.proxy.read_timeout, usual.proxy.read_timeout);
  EXPECT_EQ(config.model_registry.cleanup_interval, usual.model_registry.cleanup_interval);
}

TEST(SchemaTest, TheEndsOfEveryRangeAreInAndWhatIsBeyondIsOut) {
  for (const Key& key : keys()) {
    SCOPED_TRACE(key.path);
    const char* unit = "";
    if (key.kind == Kind::kDuration) {
      unit = "ms";
    } else if (key.kind != Kind::kInteger && key.kind != Kind::kSize) {
      continue;
    }
    const auto accepts = [&](std::uint64_t value) {
      std::string yaml = yaml_of(key.path, std::to_string(value) + unit);
      // These two are compared with each other as well.
      if (key.path == "endpoints[].check_timeout") yaml += "    check_interval: 1h\n";
      const Loaded loaded = load_yaml(yaml);
      if (loaded.errors.empty()) return true;
      EXPECT_EQ(loaded.errors.size(), 1u);
      EXPECT_NE(loaded.errors[0].message.find(allowed_text(key)), std::string::npos)
          << loaded.errors[0].message;
      return false;
    };
    EXPECT_TRUE(accepts(key.min));
    EXPECT_TRUE(accepts(key.max));
    EXPECT_EQ(accepts(0), key.min == 0 || key.zero_is_default);
    EXPECT_FALSE(accepts(key.max + 1));
    if (key.min > 1) {
      EXPECT_FALSE(accepts(key.min - 1));
    }
  }
}

TEST(SchemaTest, EveryIgnoredKeyCostsOneWarningWhateverItHolds) {
  for (const Key& key : keys()) {
    if (key.status != Key::Status::kIgnored) continue;
    SCOPED_TRACE(key.path);
    for (const char* value : {"5", "{a: {b: c}}", "[1, 2]", "null", "''"}) {
      const Loaded loaded = load_yaml(yaml_of(key.path, value));
      EXPECT_EQ(loaded.errors, std::vector<Problem>());
      std::string path(key.path);
      if (const auto list = path.find("[]"); list != std::string::npos) path.insert(list + 1, "0");
      int warnings = 0;
      for (const Problem& warning : loaded.warnings)
        if (warning.path == path) ++warnings;
      EXPECT_EQ(warnings, 1);
    }
  }
}

TEST(SchemaTest, ValuesThatAskForNothingCostNoWarning) {
  for (const Key& key : keys()) {
    std::istringstream values{std::string(key.silent)};
    for (std::string value; std::getline(values >> std::ws, value, ',');) {
      SCOPED_TRACE(std::string(key.path) + ": " + value);
      const Loaded loaded = load_yaml(yaml_of(key.path, value));
      EXPECT_EQ(loaded.errors, std::vector<Problem>());
      for (const Problem& warning : loaded.warnings)
        EXPECT_EQ(warning.path, "endpoints");  // There are none.
    }
  }
}

template <class E, std::size_t N>
void expect_choices(std::string_view path, const Word<E> (&words)[N]) {
  std::string choices;
  for (const Word<E>& known : words) {
    choices += (choices.empty() ? "" : ", ") + std::string(known.word);
    EXPECT_EQ(value_of(words, known.word), known.value);
    EXPECT_EQ(value_of(words, word_of(words, known.value)), known.value);
  }
  EXPECT_EQ(find_key(path)->choices, choices);
}

TEST(SchemaTest, TheChoicesAreTheWordsOfTheValues) {
  expect_choices("proxy.load_balancer", kLoadBalancers);
  expect_choices("model_registry.routing_strategy.type", kRoutingStrategies);
  expect_choices("model_registry.routing_strategy.options.fallback_behavior", kFallbacks);
  expect_choices("logging.level", kLogLevels);
  expect_choices("logging.format", kLogFormats);
  expect_choices("logging.output", kLogOutputs);
  EXPECT_EQ(value_of(kStickyKeySources, "nothing"), std::nullopt);
}

TEST(SchemaTest, KeysThatAreSpeltAlikeAreNear) {
  EXPECT_EQ(nearest_key("endpoints[]", "chek_interval"), "check_interval");
  EXPECT_EQ(nearest_key("endpoints[]", "checkinterval"), "check_interval");
  EXPECT_EQ(nearest_key("endpoints[]", "URL"), "url");
  EXPECT_EQ(nearest_key("server", "hots"), "host");
  EXPECT_EQ(nearest_key("endpoints[]", "ur"), "url");
  EXPECT_EQ(nearest_key("", "endpoint"), "endpoints");
  EXPECT_EQ(nearest_key("", "port"), "server.port");
  EXPECT_EQ(nearest_key("server", "max_body_size"), "server.request_limits.max_body_size");
  EXPECT_EQ(nearest_key("server", "colour"), "");
  EXPECT_EQ(nearest_key("server", std::string(1000, 'h')), "");
}

}  // namespace
}  // namespace olla::config
