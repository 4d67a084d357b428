#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace olla::sim {

/// The text of one answer while it grows: finds stop strings across tokens, and holds back as many
/// bytes as the longest stop string could still need, as vLLM does.
class OutputText {
 public:
  /// `stop`: strings that end the text, none empty. With `include_stop` the text keeps the one that
  /// ended it, and nothing is held back.
  OutputText(std::vector<std::string> stop, bool include_stop);

  /// Appends a token's text. Returns the stop string that it completed, if any: the text is then
  /// cut there and takes no more. `may_stop` false: only appends (before min_tokens).
  std::optional<std::string> add(std::string_view piece, bool may_stop);

  /// The part that was not taken before and may be shown now: all of it if `finished`, otherwise
  /// without what is held back and without a character that is not there whole. Valid until the
  /// next add().
  std::string_view take(bool finished);

  [[nodiscard]] const std::string& all() const { return text_; }

 private:
  std::vector<std::string> stop_;
  bool include_stop_;
  std::size_t held_back_ = 0;
  std::size_t taken_ = 0;
  std::string text_;
};

}  // namespace olla::sim
