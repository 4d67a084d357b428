#pragma once

#include <string_view>

namespace olla::proxy {

/// Whether a path ends as an inference route that some kind of server has beside the common API,
/// such as Ollama's /api/chat. Such an end alone says little: any server may use it for something
/// else, so ask its profile too.
[[nodiscard]] bool ends_as_native_inference(std::string_view path);

/// Whether a path asks a model something, on any kind of server: a route of the common API, of
/// vLLM's, or a native one, also under the prefix that a kind of server puts before it. `path` is
/// the endpoint's, decoded and without query.
[[nodiscard]] bool is_inference(std::string_view path);

}  // namespace olla::proxy
