#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace olla::vllm {

/// Judges an exposition as a strict reader of the text format and promtool would, for tests and the
/// fuzzer. Shares no code with what it judges, and takes only what this gateway writes: one blank
/// between the parts of a line, no other comments, no timestamps.
class ExpositionChecker {
 public:
  /// The first line of `text` that breaks a rule, and the rule; nullopt when there is none.
  static std::optional<std::string> fault_of(std::string_view text) {
    ExpositionChecker checker;
    if (!text.empty() && !text.ends_with('\n')) return "the last line has no end";
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end + 1);
      const char* fault = line.starts_with('#') ? checker.check_comment(line.substr(1))
                                                : checker.check_sample(line);
      if (fault != nullptr) return std::string(fault) + ": " + std::string(line);
    }
    return std::nullopt;
  }

 private:
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  static constexpr std::string_view kDigits = "0123456789";

  static std::string_view take_word(std::string_view& text, std::string_view other_bytes) {
    std::size_t size = 0;
    while (size < text.size() && (kLetters.find(text[size]) != std::string_view::npos ||
                                  kDigits.find(text[size]) != std::string_view::npos ||
                                  other_bytes.find(text[size]) != std::string_view::npos))
      ++size;
    const std::string_view word = text.substr(0, size);
    text.remove_prefix(size);
    return !word.empty() && kDigits.find(word[0]) != std::string_view::npos ? "" : word;
  }

  static bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
  }

  static bool is_number(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    std::strtod(copy.c_str(), &end);
    return !copy.empty() && copy.find_first_of("xX(\t ") == std::string::npos &&
           end == copy.c_str() + copy.size();
  }

  const char* check_comment(std::string_view line) {
    const bool is_help = line.starts_with(" HELP ");
    if (!is_help && !line.starts_with(" TYPE ")) return "neither HELP nor TYPE";
    line.remove_prefix(6);
    const std::string name(take_word(line, ":"));
    if (name.empty()) return "a comment without a name";
    if (!take(line, " ")) return "a comment without a text";
    if (is_help) {
      if (!helped_.insert(name).second) return "HELP twice";
      if (typed_.contains(name)) return "HELP behind TYPE";
      for (std::size_t at = 0; at < line.size(); ++at) {
        if (line[at] != '\\') continue;
        ++at;
        if (at == line.size() || (line[at] != '\\' && line[at] != 'n')) return "escape in HELP";
      }
      family_ = name;
      type_.clear();
      return nullptr;
    }
    if (!typed_.insert(name).second) return "TYPE twice";
    if (helped_.contains(name) && (family_ != name || !type_.empty())) return "HELP and TYPE apart";
    static const std::set<std::string_view> types = {"counter", "gauge", "histogram", "summary",
                                                     "untyped"};
    if (!types.contains(line)) return "no type";
    family_ = name;
    type_ = line;
    if (type_ == "counter" && !name.ends_with("_total")) return "a counter without _total";
    return nullptr;
  }

  const char* check_sample(std::string_view line) {
    const std::string name(take_word(line, ":"));
    if (name.empty()) return "a sample without a name";
    if (!name.starts_with(family_) || type_.empty()) return "a sample outside of its family";
    const std::string_view suffix = std::string_view(name).substr(family_.size());
    const bool sum_or_count = suffix == "_sum" || suffix == "_count";
    const bool belongs = type_ == "histogram" ? sum_or_count || suffix == "_bucket"
                         : type_ == "summary" ? sum_or_count || suffix.empty()
                                              : suffix.empty();
    if (!belongs) return "a sample outside of its family";
    const auto owner = owners_.emplace(name, family_).first;
    if (owner->second != family_) return "a sample name of two families";

    std::map<std::string, std::string> labels;
    if (take(line, "{")) {
      if (const char* fault = check_labels(line, labels)) return fault;
    }
    if (suffix == "_bucket" && type_ == "histogram" && !is_number(labels["le"]))
      return "a bucket without a bound";
    if (suffix.empty() && type_ == "summary" && !is_number(labels["quantile"]))
      return "a quantile without a number";
    std::string series = name;
    for (const auto& [label, value] : labels) {
      if (!value.empty()) series.append("\n").append(label).append("\n").append(value);
    }
    if (!series_.insert(series).second) return "a series twice";
    if (!take(line, " ") || !is_number(line)) return "no number";
    return nullptr;
  }

  static const char* check_labels(std::string_view& line,
                                  std::map<std::string, std::string>& labels) {
    do {
      const std::string label(take_word(line, ""));
      if (label.empty() || label == "__name__") return "no label name";
      if (!take(line, "=\"")) return "a label without a value";
      std::string value;
      while (!line.empty() && line[0] != '"') {
        const std::size_t size = character_size(line);
        if (size == 0) return "a label's value is no text";
        value += line.substr(0, size);
        line.remove_prefix(size);
      }
      if (!take(line, "\"")) return "an open label";
      if (!labels.emplace(label, value).second) return "a label twice";
    } while (take(line, ","));
    return take(line, "}") ? nullptr : "an open set of labels";
  }

  // Length of the escape or the UTF-8 character that `text` begins with; 0 when it is neither.
  static std::size_t character_size(std::string_view text) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte == '\\') {
      const char next = text.size() > 1 ? text[1] : '\0';
      return next == '\\' || next == '"' || next == 'n' ? 2 : 0;
    }
    if (byte < 0x20 && byte != '\t') return 0;
    if (byte < 0x80) return 1;
    const std::size_t size = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
    if (text.size() < size) return 0;
    unsigned code = byte & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xC0) != 0x80) return 0;
      code = code << 6 | (next & 0x3FU);
    }
    const unsigned least = size == 4 ? 0x10000 : size == 3 ? 0x800 : 0x80;
    const bool bad = byte < 0xC0 || byte > 0xF7 || code < least || code > 0x10FFFF ||
                     (code >= 0xD800 && code < 0xE000);
    return bad ? 0 : size;
  }

  std::set<std::string> helped_;
  std::set<std::string> typed_;
  std::set<std::string> series_;
  std::map<std::string, std::string> owners_;  // Family by sample name.
  std::string family_;
  std::string type_;
};

}  // namespace olla::vllm
