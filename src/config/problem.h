#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace olla::config {

/// Something in a configuration file that its author should know.
struct Problem {
  /// Key path such as "endpoints[0].check_interval", or an environment variable such as
  /// "$OLLA_SERVER_PORT"; empty: the whole file.
  std::string path;
  std::size_t line = 0;  ///< From 1; 0: no particular line.
  std::string message;   ///< One line of text without a secret in it.
  /// Where it is; empty: in the file that is read.
  std::string file = {};

  friend bool operator==(const Problem&, const Problem&) = default;
};

/// `problem` as one line without a line end: "my.yaml:12: endpoints[0].url: is missing". One of an
/// environment variable does not name the file.
std::string to_text(const Problem& problem, std::string_view file_name);

/// Collects the errors and warnings of one file.
///
/// Keeps kEachMax of each kind and then one that says that there are more: a file that refers to
/// one bad endpoint a thousand times must not fill the screen or the memory.
class Problems {
 public:
  static constexpr std::size_t kEachMax = 100;

  void error(std::string path, std::size_t line, std::string message);
  void warning(std::string path, std::size_t line, std::string message);

  /// Whether further errors would not be shown, so that looking for them can stop.
  [[nodiscard]] bool full() const { return errors_.size() > kEachMax; }

  /// The problems, in the order of their lines.
  [[nodiscard]] std::vector<Problem> take_errors();
  [[nodiscard]] std::vector<Problem> take_warnings();

 private:
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

/// `text` made fit for a message: bytes that are not printable ASCII become '?', and "..." stands
/// for what follows the first 40. Never for header values, they may be secrets.
std::string printable(std::string_view text);

/// printable() in double quotes.
std::string in_quotes(std::string_view text);

}  // namespace olla::config
