#include "http/path.h"

#include <algorithm>

namespace olla::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

/// Takes the next parameter off the front of a query.
std::string_view take_parameter(std::string_view& query) {
  const std::size_t end = query.find('&');
  const std::string_view parameter = query.substr(0, end);
  query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  return parameter;
}

/// False, as nearly always, when no segment is empty or begins with a dot.
bool may_need_cleaning(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool begins = i == 0 || path[i - 1] == '/';
    if (begins && (path[i] == '.' || (path[i] == '/' && i > 0))) return true;
  }
  return false;
}

bool is_named(std::string_view parameter, std::string_view name) {
  return decoded(parameter.substr(0, parameter.find('=')), /*plus_is_blank=*/true) == name;
}

}  // namespace

std::string plain_path(std::string_view target) {
  return decoded(target.substr(0, target.find('?')), /*plus_is_blank=*/false);
}

std::optional<std::string> cleaned_target(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (!may_need_cleaning(path)) return std::nullopt;
  std::string clean;
  clean.reserve(target.size());
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    const bool drops = (segment.empty() && at > 0) || segment == ".";
    if (!drops) clean.append(segment);
    if (!drops && end < path.size()) clean += '/';
    at = end + 1;
  }
  if (clean.size() == path.size()) return std::nullopt;
  return clean.append(target.substr(path.size()));
}

bool has_parent_segment(std::string_view path) {
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find_first_of("/\\", at), path.size());
    if (path.substr(at, end - at) == "..") return true;
    at = end + 1;
  }
  return false;
}

std::optional<std::string> query_parameter(std::string_view target, std::string_view name) {
  std::string_view query = query_of(target);
  while (!query.empty()) {
    const std::string_view parameter = take_parameter(query);
    if (!is_named(parameter, name)) continue;
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) return std::string();
    return decoded(parameter.substr(equals + 1), /*plus_is_blank=*/true);
  }
  return std::nullopt;
}

std::string without_query_parameter(std::string_view target, std::string_view name) {
  std::string out(target.substr(0, target.find('?')));
  char separator = '?';
  std::string_view query = query_of(target);
  while (!query.empty()) {
    const std::string_view parameter = take_parameter(query);
    if (is_named(parameter, name)) continue;
    out += separator;
    out += parameter;
    separator = '&';
  }
  return out;
}

}  // namespace olla::http
