#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace olla::sim {

/// A call of a tool, as far as it has been written.
struct WrittenCall {
  std::string id;  ///< "chatcmpl-tool-...", given by whoever asked for the parts.
  std::string name;
  std::string arguments;  ///< JSON as it stands in the text.
};

/// Takes the text of an answer apart, as vLLM's parsers `hermes` and `qwen3` do: thoughts between
/// `<think>` and `</think>`, calls of tools between `<tool_call>` and `</tool_call>`, and content.
///
/// A text without `</think>` is all thoughts; but a call ends them, which in a stream only a call
/// that the answer begins with does.
class OutputParser {
 public:
  struct Rules {
    bool reasoning = false;
    bool tools = false;
    bool streamed = false;
  };

  struct Part {
    enum class Kind : std::uint8_t { kReasoning, kContent, kCall, kArguments };
    Kind kind = Kind::kContent;
    std::string text;      ///< kCall: the tool's name.
    std::size_t call = 0;  ///< kCall, kArguments: the call's number.
  };

  explicit OutputParser(const Rules& rules);

  /// False: everything is content, and what is fed comes out as it is.
  [[nodiscard]] bool active() const { return rules_.reasoning || rules_.tools; }

  /// What the next piece of the text adds; no part is empty. What may be the beginning of a mark
  /// is held back unless the text is `finished`.
  std::vector<Part> feed(std::string_view text, bool finished);

  [[nodiscard]] const std::string& reasoning() const { return reasoning_; }
  /// Without a stream, a text whose last call is cut has no calls at all: all of it is content.
  [[nodiscard]] const std::string& content() const { return whole() ? content_ : unparsed_; }
  [[nodiscard]] std::vector<WrittenCall>& calls() { return whole() ? calls_ : no_calls_; }
  [[nodiscard]] const std::vector<WrittenCall>& calls() const {
    return whole() ? calls_ : no_calls_;
  }

 private:
  enum class State : std::uint8_t { kOpening, kReasoning, kContent, kHead, kArguments, kTail };

  [[nodiscard]] bool whole() const { return rules_.streamed || !cut_; }
  bool step(bool finished);
  bool step_opening(bool finished);
  bool step_reasoning(bool finished);
  bool step_content(bool finished);
  bool step_head();
  bool step_arguments();
  bool step_tail();
  void emit(Part::Kind kind, std::string_view text);
  void emit_until_mark(Part::Kind kind, std::string_view mark, bool finished);

  Rules rules_;
  State state_;
  std::string pending_;
  std::string reasoning_;
  std::string content_;
  std::string unparsed_;  // everything behind the thoughts
  std::vector<WrittenCall> calls_;
  std::vector<WrittenCall> no_calls_;
  bool cut_ = false;
  bool named_ = false;  // the call that is being read has its name
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::vector<Part> parts_;
};

}  // namespace olla::sim
