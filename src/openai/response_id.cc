#include "openai/response_id.h"

#include "openai/members.h"

namespace olla::openai {

std::optional<std::string_view> response_id_in(std::string_view start) {
  static constexpr std::string_view kKey = "\"id\"";
  static constexpr std::string_view kValue = "\"resp_";
  for (std::size_t at = start.find(kKey); at != std::string_view::npos;
       at = start.find(kKey, at + 1)) {
    std::size_t value = skip_white_space(start, at + kKey.size());
    if (!start.substr(value).starts_with(':')) continue;
    value = skip_white_space(start, value + 1);
    if (!start.substr(value).starts_with(kValue)) continue;
    const std::size_t end = start.find('"', value + 1);
    if (end == std::string_view::npos) return std::nullopt;
    return start.substr(value + 1, end - value - 1);
  }
  return std::nullopt;
}

}  // namespace olla::openai
