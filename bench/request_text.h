#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace olla::bench {

/// What a client sends, over and over.
struct RequestShape {
  std::uint16_t port = 0;
  std::string path = "/v1/chat/completions";
  std::string model = "bench-model";
  std::size_t body_bytes = 500;  ///< About that many.
  std::string wish = {};         ///< The value of kWishField; empty: one document.
  /// What is wrong with it: "" for nothing, "head" for a head that is not HTTP, "framing" for two
  /// lengths that differ, "json" for a body that is no JSON object.
  std::string fault = {};
};

/// The bytes of one request: head and body as the openai package for Python writes them, messages
/// before the model.
[[nodiscard]] std::string request_text(const RequestShape& shape);

}  // namespace olla::bench
