#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/problem.h"
#include "config/schema.h"
#include "config/words.h"

namespace olla::config {

/// One mapping of the file, read by the rules of the schema.
///
/// The constructor reports the keys that the schema does not know and those that are ignored. Each
/// reading function returns nullopt when the key is absent, and also when its value is wrong; then
/// it has reported that. Asking for a key that the schema does not have under this kind is a bug.
///
/// Refers to the document and to `problems`: both must outlive it.
class Section {
 public:
  /// Which mapping: the names that messages and the schema have for it differ in lists.
  struct Place {
    std::string path;         ///< "endpoints[3]"; empty at the top.
    std::string schema_path;  ///< "endpoints[]"; empty at the top.
    std::size_t line = 0;
  };

  /// `node` may be a null (an empty mapping); anything but a mapping is reported.
  Section(const Value& node, Place place, Problems& problems);

  /// The mapping below `key`; an empty one when it is absent.
  [[nodiscard]] Section section(std::string_view key) const;

  [[nodiscard]] bool has(std::string_view key) const { return node_->find(key) != nullptr; }

  /// The entry, for values with rules of their own. nullptr when it is absent or has no value,
  /// which is legal for mappings and lists only.
  [[nodiscard]] const Entry* entry(std::string_view key) const;

  /// Not empty.
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> duration(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  /// One of the schema's choices, in lower case.
  [[nodiscard]] std::optional<std::string> choice(std::string_view key) const;

  /// One text of a list, with its line.
  struct Item {
    std::string text;  ///< Not empty.
    std::size_t line = 0;
  };
  /// The texts of a list that may be empty; those that are none are reported and left out.
  [[nodiscard]] std::optional<std::vector<Item>> texts(std::string_view key) const;

  /// Each sets `out` when the key is there and right, and leaves it alone otherwise.
  void read(std::string_view key, std::uint32_t& out) const;
  void read(std::string_view key, bool& out) const;
  void read(std::string_view key, std::chrono::milliseconds& out) const;
  void read(std::string_view key, std::vector<std::string>& out) const;
  /// A choice, as the value that its word stands for.
  template <class E, std::size_t N>
  void read(std::string_view key, const Word<E> (&words)[N], E& out) const {
    if (const auto word = choice(key)) out = value_of(words, *word).value_or(out);
  }
  /// Of keys whose 0 stands for the default in Olla's files.
  void read_unless_zero(std::string_view key, std::chrono::milliseconds& out) const;

  /// Reports a wrong item of the list `key`.
  void error(std::string_view key, const Item& item, std::string message) const;
  /// Reports a wrong value of `key`: at its line, or at the section's when the key is absent.
  void error(std::string_view key, std::string message) const;
  void warning(std::string_view key, std::string message) const;

  /// The path of `key` in messages, or the variable that gave its value, and its line; the
  /// section's line when the key is absent.
  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] std::size_t line_of(std::string_view key) const;
  [[nodiscard]] std::size_t line() const { return place_.line; }

 private:
  void check_keys() const;
  [[nodiscard]] const Key& schema_of(std::string_view key) const;
  [[nodiscard]] const Value* scalar(std::string_view key) const;
  /// Reports a value whose text is wrong, and shows it and what is allowed.
  void reject(std::string_view key, const Value& value, std::string_view message) const;

  const Value* node_;
  Place place_;
  Problems* problems_;
};

}  // namespace olla::config
