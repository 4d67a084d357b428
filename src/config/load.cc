#include "config/load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "config/access_policy.h"
#include "config/document.h"
#include "config/endpoints.h"
#include "config/load_models.h"
#include "config/load_proxy.h"
#include "config/load_server.h"
#include "config/override.h"
#include "config/section.h"
#include "config/units.h"

namespace olla::config {
namespace {

/// The paths in vllm.admin_routes.
std::vector<std::string> read_admin_routes(const Entry& list, const std::string& path,
                                           Problems& problems) {
  std::vector<std::string> routes;
  if (list.value->kind != Value::Kind::kSequence) {
    problems.error(path, list.line, "must be a list of paths such as /sleep");
    return routes;
  }
  for (const ValuePtr& item : list.value->items) {
    const std::string& text = item->text;
    if (item->kind != Value::Kind::kScalar || !text.starts_with('/') ||
        text.find_first_of("?# ") != std::string::npos ||
        text.find('*') < std::max<std::size_t>(text.size(), 1) - 1) {
      problems.error(path, item->line,
                     "must hold paths that begin with /, without a query and with * at the end "
                     "only; got " +
                         in_quotes(text));
      continue;
    }
    routes.push_back(text);
  }
  return routes;
}

void read_vllm(const Section& section, Vllm& vllm, Problems& problems) {
  section.read("metrics_interval", vllm.metrics_interval);
  const std::int64_t milliseconds = vllm.metrics_interval.count();
  if (milliseconds > 0 && milliseconds < 100) {
    section.error("metrics_interval",
                  "must be 0 or at least 100ms; got " + duration_text(vllm.metrics_interval));
  }
  section.read("translate_parameters", vllm.translate_parameters);
  if (const Entry* routes = section.entry("admin_routes")) {
    vllm.admin_routes = read_admin_routes(*routes, section.path_of("admin_routes"), problems);
  }
}

void read_logging(const Section& section, Logging& logging) {
  section.read("level", kLogLevels, logging.level);
  section.read("format", kLogFormats, logging.format);
  section.read("output", kLogOutputs, logging.output);
  logging.directory = section.text("directory").value_or(logging.directory);
  logging.file_bytes_max = section.size("max_size").value_or(logging.file_bytes_max);
  section.read("max_backups", logging.files_kept);
}

void read_endpoints(const Section& root, const Section& discovery,
                    const EndpointReader::Sources& sources, Config& config, Problems& problems) {
  EndpointReader endpoints(sources, problems);
  if (const Entry* list = root.entry("endpoints")) endpoints.read(*list, "endpoints");
  // The only choice so far, so that there is nothing to keep.
  static_cast<void>(discovery.choice("type"));
  const Section fixed = discovery.section("static");
  if (const Entry* list = fixed.entry("endpoints")) {
    endpoints.read(*list, fixed.path_of("endpoints"));
  }
  config.endpoints = endpoints.take();
  if (config.endpoints.empty()) {
    problems.warning("endpoints", 0, "there are none: every request will be refused");
  }
}

/// The kinds of servers that there are, with those of the operator's.
void read_profile_files(const Section& root, const ProfileFiles& profiles, Loaded& loaded) {
  const auto folder = root.text("profiles_dir");
  const auto files = profiles(folder);
  if (!files) {
    root.error("profiles_dir", files.error().detail);
    return;
  }
  loaded.config.profiles = read_profiles(*files, loaded.errors);
}

void read_all(const Section& root, const Environment& env, const SecretFiles& files, Config& config,
              Problems& problems) {
  read_server(root.section("server"), config.server);
  read_proxy(root, config.proxy);
  read_vllm(root.section("vllm"), config.vllm, problems);
  read_logging(root.section("logging"), config.logging);
  HealthRules health;
  read_health_rules(root.section("health"), health);
  const Section discovery = root.section("discovery");
  const EndpointReader::Sources sources{*config.profiles, env, files, health};
  read_endpoints(root, discovery, sources, config, problems);
  read_model_discovery(discovery.section("model_discovery"), config.model_discovery);
  read_model_registry(root.section("model_registry"), config.model_registry);
  config.model_aliases = read_model_aliases(root, problems);
  root.read("model_aliases_rewrite_response", config.model_aliases_rewrite_response);
  read_anthropic(root.section("translators").section("anthropic"), config.anthropic);
  config.internal_access =
      read_internal_access(root.section("internal"), root.section("dashboard"));
  // Its keys are all ignored, but unknown ones are errors.
  static_cast<void>(root.section("engineering"));
}

Loaded failed(std::string message) {
  return {.read = false, .config = {}, .errors = {{"", 0, std::move(message)}}, .warnings = {}};
}

}  // namespace

Loaded load(std::string_view yaml, const Environment& env, const SecretFiles& files,
            const ProfileFiles& profiles) {
  Problems problems;
  Loaded loaded;
  if (const ValuePtr document = parse_document(yaml, problems)) {
    loaded.read = true;
    // Sections refer to it.
    const ValuePtr overridden = with_overrides(document, env, problems);
    const Section root(*overridden, {"", "", overridden->line}, problems);
    read_profile_files(root, profiles, loaded);
    read_all(root, env, files, loaded.config, problems);
  }
  for (Problem& problem : problems.take_errors())
    loaded.errors.push_back(std::move(problem));
  loaded.warnings = problems.take_warnings();
  return loaded;
}

Loaded load_file(const std::string& path, const Environment& env) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return failed("is a directory, not a file");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int reason = errno;
    return failed("cannot be opened: " + std::generic_category().message(reason));
  }
  std::string text;
  std::array<char, 65536> piece{};
  // One byte over the limit is enough for load() to refuse the file; a device has no end.
  while (text.size() <= kDocumentBytesMax && in.read(piece.data(), piece.size()).gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return failed("cannot be read");
  return load(text, env, system_secret_files(), system_profile_files(path));
}

}  // namespace olla::config
