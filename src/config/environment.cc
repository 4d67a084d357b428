#include "config/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "config/ascii.h"

namespace olla::config {
namespace {

Error malformed(std::string detail) {
  return {Errc::kMalformed, Side::kGateway, std::move(detail)};
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && !is_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool begins_with_protocol(std::string_view value) {
  return value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
}

/// The value of `expression`, the text between "${" and "}".
Result<std::string> evaluate(std::string_view expression, const Environment& env) {
  const auto separator = expression.find(":-");
  const std::string name(expression.substr(0, separator));
  if (!is_variable_name(name)) {
    // Not shown: somebody may have put the secret itself between the braces.
    return malformed(
        "has a ${...} whose text is no variable name; use ${NAME} or ${NAME:-default}");
  }
  auto value = env(name);
  if (separator != std::string_view::npos) {
    const std::string_view fallback = expression.substr(separator + 2);
    if (fallback.find("${") != std::string_view::npos) {
      return malformed("has a ${...} inside the default of ${" + name + "}");
    }
    if (!value || value->empty()) return std::string(fallback);
  }
  if (!value) {
    return malformed("needs the environment variable " + name + ", which is not set");
  }
  return *std::move(value);
}

}  // namespace

Environment system_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program changes the environment.
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

std::vector<std::string> system_variables(std::string_view prefix) {
  std::vector<std::string> names;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (name.starts_with(prefix)) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_service_address(std::string_view name, std::string_view value) {
  return name.ends_with("_PORT") && begins_with_protocol(value);
}

bool is_of_kubernetes(std::string_view name, std::string_view value) {
  if (is_service_address(name, value) || name.ends_with("_SERVICE_HOST")) return true;
  if (name.ends_with("_SERVICE_PORT") || name.find("_SERVICE_PORT_") != std::string_view::npos)
    return true;
  // "_PORT_", a number, the protocol, and what of it.
  const auto port = name.find("_PORT_");
  if (port == std::string_view::npos) return false;
  std::string_view rest = name.substr(port + std::string_view("_PORT_").size());
  const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0) return false;
  rest.remove_prefix(digits);
  for (const std::string_view protocol : {"_TCP", "_UDP", "_SCTP"}) {
    if (!rest.starts_with(protocol)) continue;
    rest.remove_prefix(protocol.size());
    return rest.empty() || rest == "_PROTO" || rest == "_PORT" || rest == "_ADDR";
  }
  return false;
}

Result<std::string> substitute(std::string_view text, const Environment& env) {
  std::string out;
  for (;;) {
    const auto begin = text.find("${");
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin + 2);
    const auto end = text.find('}');
    if (end == std::string_view::npos) return malformed("has a ${ without its }");
    const auto value = evaluate(text.substr(0, end), env);
    if (!value) return value.error();
    out += *value;
    text.remove_prefix(end + 1);
  }
}

}  // namespace olla::config
