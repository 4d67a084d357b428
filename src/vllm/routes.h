#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace olla::vllm {

/// True for POST on a route where vLLM wants a JSON object as the body. `path` is the backend's
/// path, without query and without the gateway's prefix; it is compared exactly, as vLLM does.
[[nodiscard]] bool takes_json_object(std::string_view method, std::string_view path);

/// The model names in an OpenAI model list, `{"data":[{"id":...},...]}`, in its order. Entries
/// without an id that is a non-empty string are left out.
///
/// Errors: kMalformed (side kUpstream) when `json` is not JSON or has no array "data". Parses the
/// whole document: for health checks, not for the request path.
[[nodiscard]] Result<std::vector<std::string>> parse_model_list(std::string_view json);

}  // namespace olla::vllm
