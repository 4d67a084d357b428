#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace olla::openai {

/// Edits of the members of a JSON object at its top level, made as splices into its bytes:
/// everything that is not edited stays byte for byte, white space and escapes included.
///
/// A key stands for all members with that key, escapes decoded. Of duplicates the last counts, as
/// it does for vLLM: it is the one that is edited, and the others are removed with it, so that none
/// can come back with its old meaning.
///
/// One edit per key; a second one for the same key replaces the first. All keys must outlive the
/// edits; values are taken over.
class MemberEdits {
 public:
  /// Gives the member `value`, a JSON text; adds it behind the last member when there is none.
  void set(std::string_view key, std::string value);

  /// Puts "`new_key`":`value` in the member's place; adds it when there is none. The caller removes
  /// the members that are called `new_key` already.
  void replace(std::string_view key, std::string_view new_key, std::string value);

  /// Calls the member `new_key` and leaves its value; does nothing when there is none. The caller
  /// removes the members that are called `new_key` already.
  void rename(std::string_view key, std::string_view new_key);

  /// Takes the member out, with its comma.
  void remove(std::string_view key);

  [[nodiscard]] bool empty() const { return edits_.empty(); }

  /// `json` with all edits made, in one new string. nullopt when `json` is not one whole object, as
  /// MemberScanner sees it: there is nothing that could be edited safely.
  [[nodiscard]] std::optional<std::string> apply(std::string_view json) const;

 private:
  struct Edit {
    std::string_view key;
    std::string_view new_key = {};          // Empty: as it is.
    std::optional<std::string> value = {};  // nullopt: as it is.
    bool removes = false;
  };

  void put(Edit edit);

  std::vector<Edit> edits_;
};

/// `body` with the member "model" saying `name`; it is added when missing. A form gets it as its
/// field "model", which must be there. nullopt when `body` is neither one whole object nor such a
/// form.
[[nodiscard]] std::optional<std::string> with_model(std::string_view body, std::string_view name);

}  // namespace olla::openai
