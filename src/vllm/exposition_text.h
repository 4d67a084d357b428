#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace olla::vllm {

/// One label of a sample, as it stands in the text.
struct Label {
  std::string_view name;
  std::string_view value;  ///< Between the quotes; `\\`, `\"` and `\n` not decoded.
};

/// One line of the Prometheus text format (0.0.4) that is not a comment:
/// `name{label="value",...} number timestamp`. The views point into the line.
class Sample {
 public:
  /// The longest known to be written by an engine is vLLM's cache_config_info, with 37 labels.
  static constexpr std::size_t kLabelsMax = 64;

  /// Reads one line, given without its line end. A timestamp and an OpenMetrics exemplar are taken
  /// and forgotten. False, and the sample is unspecified, for anything that a strict reader of the
  /// format would refuse: a name or label name with other characters, an unknown escape, bytes that
  /// are no UTF-8, control characters, one label name twice, `__name__` as a label, more than
  /// kLabelsMax labels, something that is no number.
  [[nodiscard]] bool parse(std::string_view line);

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::span<const Label> labels() const { return {labels_.data(), label_count_}; }
  /// The value of the label `name`; nullopt when the sample has none.
  [[nodiscard]] std::optional<std::string_view> label(std::string_view name) const;
  /// The number as it stands in the text, for example "1e+06" or "+Inf".
  [[nodiscard]] std::string_view value_text() const { return value_text_; }
  [[nodiscard]] double value() const { return value_; }

 private:
  bool parse_labels(std::string_view line, std::size_t& at);
  bool parse_label(std::string_view line, std::size_t& at);
  bool parse_end(std::string_view line, std::size_t at);

  std::string_view name_;
  std::string_view value_text_;
  double value_ = 0;
  std::size_t label_count_ = 0;
  std::array<Label, kLabelsMax> labels_;
};

/// A HELP or TYPE comment.
struct Metadata {
  enum class Kind { kHelp, kType };
  Kind kind = Kind::kHelp;
  std::string_view name;
  std::string_view text;  ///< What follows the name, without the blanks around a type.
};

/// Reads `# HELP name text` or `# TYPE name type`; nullopt for every other line, and for one with a
/// name that no metric may have, with control characters, or with bytes that are no UTF-8.
[[nodiscard]] std::optional<Metadata> parse_metadata(std::string_view line);

/// Takes the first line from `text`, without its line end (LF or CRLF). `text` must not be empty.
[[nodiscard]] std::string_view take_line(std::string_view& text);

/// The metric name that `line` begins with, after blanks; empty when there is none.
[[nodiscard]] std::string_view leading_name(std::string_view line);

/// A number of the text format: decimal, with or without exponent and sign, or NaN, Inf, Infinity
/// in any case. Nullopt for anything else, hexadecimal and out-of-range numbers included.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// Appends `value` as the text format has it: whole numbers below 2^53 in digits, others in the
/// shortest form that reads back the same; NaN, +Inf, -Inf.
void append_number(std::string& out, double value);

/// A label's value with its escapes decoded.
[[nodiscard]] std::string decode_label_value(std::string_view value);

/// Appends `value`, which has no escapes yet, as the text between a label's quotes. Bytes that are
/// no UTF-8 become question marks.
void append_label_value(std::string& out, std::string_view value);

/// Appends the text of a HELP comment as it stood in another, with stray backslashes escaped.
void append_help(std::string& out, std::string_view text);

}  // namespace olla::vllm
