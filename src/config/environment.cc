#include "config/environment.h"

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
