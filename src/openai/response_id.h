#pragma once

#include <optional>
#include <string_view>

namespace olla::openai {

/// The id of an answer of the Responses API, "resp_...", in the start of its payload: the document,
/// or the first event of a stream. nullopt when it is not there, or not all of it yet. Text that a
/// model made cannot look like it, since the quotes in it are escaped. A view into `start`.
[[nodiscard]] std::optional<std::string_view> response_id_in(std::string_view start);

}  // namespace olla::openai
