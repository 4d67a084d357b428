#pragma once

#include <cstddef>
#include <string_view>

namespace olla::vllm {

/// Watches a stream of events for the one that says that the server failed. vLLM ends such a stream
/// in good order, with `data: [DONE]`, so that on the level of HTTP it looks like a success.
///
/// Knows `data: {"error"` of the OpenAI routes and `event: error` of the Messages API, at the start
/// of a line: in generated text line ends are escaped. Allocates nothing; one per response.
class ErrorEventScanner {
 public:
  /// The next bytes of the payload, cut anywhere.
  void feed(std::string_view payload);
  [[nodiscard]] bool found() const { return found_; }

 private:
  void feed_line(std::string_view piece);

  // How much of the present line has been seen, and that it began like one of the two.
  std::size_t line_bytes_ = 0;
  bool may_be_data_ = true;
  bool may_be_event_ = true;
  bool found_ = false;
};

}  // namespace olla::vllm
