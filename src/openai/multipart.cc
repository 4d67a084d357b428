#include "openai/multipart.h"

#include <algorithm>

namespace olla::openai {
namespace {

// RFC 2046, section 5.1.1: a boundary has at most 70 characters, and "--" comes before it.
constexpr std::size_t kDelimiterBytesMax = 72;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool istarts_with(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char a, char b) { return a == lower(b); });
}

/// The delimiter line that `body` begins with; empty when it begins with none.
std::string_view delimiter_of(std::string_view body) {
  if (!body.starts_with("--")) return {};
  const std::size_t end = body.substr(0, kDelimiterBytesMax + 2).find("\r\n");
  return end == std::string_view::npos || end == 2 ? std::string_view() : body.substr(0, end);
}

/// The value of a parameter in a Content-Disposition, without its quotes.
std::optional<std::string_view> parameter(std::string_view disposition, std::string_view name) {
  std::size_t at = disposition.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = disposition.substr(at + 1);
    while (rest.starts_with(' ') || rest.starts_with('\t'))
      rest.remove_prefix(1);
    const bool found = istarts_with(rest, name) && rest.substr(name.size()).starts_with('=');
    const std::size_t value_at = rest.find('=');
    if (value_at == std::string_view::npos) return std::nullopt;
    std::string_view value = rest.substr(value_at + 1);
    std::size_t size = 0;
    if (value.starts_with('"')) {
      value.remove_prefix(1);
      size = value.find('"');
      if (size == std::string_view::npos) return std::nullopt;
    } else {
      size = std::min(value.find(';'), value.size());
    }
    if (found) return value.substr(0, size);
    at = disposition.find(';', static_cast<std::size_t>(value.data() - disposition.data()) + size);
  }
  return std::nullopt;
}

/// Whether the head of a part says that it is the text field `name`.
bool is_field(std::string_view head, std::string_view name) {
  static constexpr std::string_view kDisposition = "content-disposition:";
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (!istarts_with(line, kDisposition)) continue;
    return parameter(line, "name") == name && !parameter(line, "filename") &&
           !parameter(line, "filename*");
  }
  return false;
}

}  // namespace

std::optional<std::string_view> form_field(std::string_view body, std::string_view name) {
  const std::string_view delimiter = delimiter_of(body);
  if (delimiter.empty()) return std::nullopt;
  std::optional<std::string_view> found;
  std::size_t part = delimiter.size();
  // "--" behind a delimiter ends the form.
  while (body.substr(part).starts_with("\r\n")) {
    const std::size_t head = part + 2;
    // A part without fields begins with the empty line.
    const bool no_fields = body.substr(head).starts_with("\r\n");
    const std::size_t head_end = no_fields ? head : body.find("\r\n\r\n", head);
    if (head_end == std::string_view::npos) break;
    const std::size_t value = head_end + (no_fields ? 2 : 4);
    // The line end before a delimiter belongs to it. When it is that of the head, too, the part has
    // no value, not an empty one (RFC 2046, section 5.1.1).
    std::size_t value_end = value - 2;
    do {
      value_end = body.find("\r\n", value_end);
      if (value_end == std::string_view::npos) return found;
      if (body.substr(value_end + 2).starts_with(delimiter)) break;
      value_end += 2;
    } while (true);
    if (value_end >= value && is_field(body.substr(head, head_end - head), name))
      found = body.substr(value, value_end - value);
    part = value_end + 2 + delimiter.size();
  }
  return found;
}

}  // namespace olla::openai
