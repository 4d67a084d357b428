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
#include "config/profile.h"

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
  const auto env = [](const std::string&) -> std::optional<std::string> { return "x"; };
  const Document document;
  int whole_files = 0;
  for (const std::string& example : document.examples()) {
    if (!example.starts_with("endpoints:")) continue;  // A part of a file.
    const Loaded loaded = load(example, env);
    EXPECT_EQ(loaded.errors, std::vector<Problem>());
    EXPECT_EQ(loaded.warnings, std::vector<Problem>());
    ++whole_files;
  }
  EXPECT_EQ(whole_files, 2);
}

/// Everything that a key may change, as text.
std::string dump(const Config& config) {
  std::ostringstream out;
  const Server& server = config.server;
  const Proxy& proxy = config.proxy;
  const Vllm& vllm = config.vllm;
  const Logging& logging = config.logging;
  out << server.host << ' ' << server.port << ' ' << server.threads << ' '
      << server.read_header_timeout.count() << ' ' << server.read_timeout.count() << ' '
      << server.idle_timeout.count() << ' ' << server.shutdown_timeout.count() << ' '
      << server.request_limits.max_body_size << ' ' << server.request_limits.max_header_size << ' '
      << proxy.connection_timeout.count() << ' ' << proxy.response_header_timeout.count() << ' '
      << proxy.read_timeout.count() << ' ' << static_cast<int>(logging.level) << ' '
      << static_cast<int>(logging.format) << ' ' << vllm.metrics_interval.count() << ' '
      << vllm.translate_parameters << ' ' << vllm.admin_routes.size();
  for (const Endpoint& endpoint : config.endpoints) {
    out << '\n'
        << endpoint.url << ' ' << endpoint.name << ' ' << endpoint.type << ' ' << endpoint.priority
        << ' ' << endpoint.check_interval.count() << ' ' << endpoint.check_timeout.count() << ' '
        << endpoint.forward_client_auth;
  }
  return out.str();
}

/// YAML that gives `path` the value `value`.
std::string yaml_of(std::string_view path, std::string_view value) {
  static constexpr std::string_view kEndpoint = "endpoints[].";
  if (path.starts_with(kEndpoint)) {
    return "endpoints:\n  - url: http://h:1\n    " + std::string(path.substr(kEndpoint.size())) +
           ": " + std::string(value) + "\n";
  }
  std::string yaml;
  std::string indent;
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
  return load(yaml, [](const std::string&) { return std::nullopt; });
}

TEST(SchemaTest, WritingADefaultDownChangesNothing) {
  for (const Key& key : keys()) {
    if (key.initial.empty()) continue;
    SCOPED_TRACE(key.path);
    const bool in_endpoint = key.path.starts_with("endpoints[]");
    const Loaded with = load_yaml(yaml_of(key.path, key.initial));
    const Loaded without = load_yaml(in_endpoint ? "endpoints:\n  - url: http://h:1\n" : "");
    EXPECT_EQ(with.errors, std::vector<Problem>());
    EXPECT_EQ(dump(with.config), dump(without.config));
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
    EXPECT_FALSE(accepts(key.max + 1));
    if (key.min > 0) {
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
