#include "sim/form.h"

#include <algorithm>

namespace olla::sim {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool begins_with(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

/// The value of `name="..."`, or of `name=...` up to the next `;`.
std::string_view parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = header.substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (begins_with(rest, name) && rest.substr(name.size()).starts_with('=')) {
      rest.remove_prefix(name.size() + 1);
      if (!rest.starts_with('"')) return rest.substr(0, rest.find(';'));
      return rest.substr(1, rest.find('"', 1) - 1);
    }
    at = header.find(';', at + 1);
  }
  return {};
}

/// Whether a part with this head is the field of that name.
bool is_named(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (begins_with(line, "content-disposition:")) return parameter(line, "name") == name;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> form_field(std::string_view content_type, std::string_view body,
                                           std::string_view name) {
  if (!begins_with(content_type, "multipart/form-data")) return std::nullopt;
  const std::string_view boundary = parameter(content_type, "boundary");
  if (boundary.empty()) return std::nullopt;
  const std::string mark = "\r\n--" + std::string(boundary);
  // The first boundary has no line before it.
  if (!body.starts_with(std::string_view(mark).substr(2))) return std::nullopt;
  body.remove_prefix(mark.size() - 2);
  while (body.starts_with("\r\n")) {
    body.remove_prefix(2);
    const std::size_t end = body.find(mark);
    const std::size_t head_end = body.find("\r\n\r\n");
    if (end == std::string_view::npos || head_end == std::string_view::npos) return std::nullopt;
    if (head_end < end && is_named(body.substr(0, head_end), name)) {
      return body.substr(head_end + 4, end - head_end - 4);
    }
    body.remove_prefix(end + mark.size());
  }
  return std::nullopt;
}

}  // namespace olla::sim
