#include "config/load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "config/ascii.h"
#include "config/document.h"
#include "config/endpoints.h"
#include "config/section.h"
#include "config/units.h"

namespace olla::config {
namespace {

/// Whether `host` could be a name or an address to listen on.
bool is_listen_host(std::string_view host) {
  static constexpr std::size_t kHostLengthMax = 253;
  return host.size() <= kHostLengthMax && std::all_of(host.begin(), host.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':';
         });
}

void read_request_limits(const Section& section, RequestLimits& limits) {
  limits.max_body_size = section.size("max_body_size").value_or(limits.max_body_size);
  limits.max_header_size = section.size("max_header_size").value_or(limits.max_header_size);
}

void read_server(const Section& section, Server& server) {
  if (const auto host = section.text("host")) {
    server.host = *host;
    if (!is_listen_host(*host)) {
      section.error("host", "must be a name or an address such as localhost, 0.0.0.0 or ::1; got " +
                                in_quotes(*host));
    }
  }
  if (const auto port = section.integer("port")) {
    server.port = static_cast<std::uint16_t>(*port);
  }
  if (const auto threads = section.integer("threads")) {
    server.threads = static_cast<std::uint32_t>(*threads);
  }
  // In Olla's files 0 stands for the default of these two kinds of timeout.
  const auto header_timeout = section.duration("read_header_timeout");
  if (header_timeout && header_timeout->count() != 0) server.read_header_timeout = *header_timeout;
  server.read_timeout = section.duration("read_timeout").value_or(server.read_timeout);
  const auto idle_timeout = section.duration("idle_timeout");
  server.idle_timeout =
      idle_timeout && idle_timeout->count() != 0 ? *idle_timeout : server.read_timeout;
  server.shutdown_timeout = section.duration("shutdown_timeout").value_or(server.shutdown_timeout);
  read_request_limits(section.section("request_limits"), server.request_limits);
}

void read_proxy(const Section& section, Proxy& proxy) {
  proxy.connection_timeout =
      section.duration("connection_timeout").value_or(proxy.connection_timeout);
  const auto head_timeout = section.duration("response_header_timeout");
  if (head_timeout && head_timeout->count() != 0) proxy.response_header_timeout = *head_timeout;
  proxy.read_timeout = section.duration("read_timeout").value_or(proxy.read_timeout);
}

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
  vllm.metrics_interval = section.duration("metrics_interval").value_or(vllm.metrics_interval);
  const std::int64_t milliseconds = vllm.metrics_interval.count();
  if (milliseconds > 0 && milliseconds < 100) {
    section.error("metrics_interval",
                  "must be 0 or at least 100ms; got " + duration_text(vllm.metrics_interval));
  }
  vllm.translate_parameters =
      section.boolean("translate_parameters").value_or(vllm.translate_parameters);
  if (const Entry* routes = section.entry("admin_routes")) {
    vllm.admin_routes = read_admin_routes(*routes, section.path_of("admin_routes"), problems);
  }
}

void read_logging(const Section& section, Logging& logging) {
  if (const auto level = section.choice("level")) {
    if (*level == "debug") logging.level = LogLevel::kDebug;
    if (*level == "info") logging.level = LogLevel::kInfo;
    if (*level == "warn" || *level == "warning") logging.level = LogLevel::kWarn;
    if (*level == "error") logging.level = LogLevel::kError;
  }
  if (const auto format = section.choice("format")) {
    logging.format = *format == "text" ? LogFormat::kText : LogFormat::kJson;
  }
}

void read_all(const Section& root, const Environment& env, Config& config, Problems& problems) {
  read_server(root.section("server"), config.server);
  read_proxy(root.section("proxy"), config.proxy);
  read_vllm(root.section("vllm"), config.vllm, problems);
  read_logging(root.section("logging"), config.logging);
  EndpointReader endpoints(*config.profiles, env, problems);
  if (const Entry* list = root.entry("endpoints")) endpoints.read(*list, "endpoints");
  const Section discovery = root.section("discovery");
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

Loaded failed(std::string message) {
  return {.config = {}, .errors = {{"", 0, std::move(message)}}, .warnings = {}};
}

}  // namespace

Loaded load(std::string_view yaml, const Environment& env) {
  Problems problems;
  Loaded loaded;
  if (const ValuePtr document = parse_document(yaml, problems)) {
    const Section root(*document, {"", "", document->line}, problems);
    read_all(root, env, loaded.config, problems);
  }
  loaded.errors = problems.take_errors();
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
  return load(text, env);
}

}  // namespace olla::config
