#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace olla::vllm {

/// The types of the text format. Types of other formats are kUntyped.
enum class FamilyType : std::uint8_t { kUntyped, kCounter, kGauge, kHistogram, kSummary };

/// Whether a sample called `sample` can belong to the family `name` of this type: `name` itself, or
/// with `_bucket`, `_sum`, `_count` where the type has those.
[[nodiscard]] bool fits(FamilyType type, std::string_view name, std::string_view sample);

/// Lines that follow each other in one endpoint's text and are samples of one family.
struct SampleLines {
  std::size_t endpoint = 0;  ///< The index that was given to FamilyIndex::read().
  std::string_view text;
};

/// A family as the fleet shows it: what several texts have under one name.
struct Family {
  std::string_view name;
  FamilyType type = FamilyType::kUntyped;
  std::string_view help;  ///< Empty: none. As it stands in the text.
  std::vector<SampleLines> lines;
};

/// Sorts the lines of several expositions by family, by the rules of fleet_exposition(). Looks at
/// names only, and copies nothing: the texts must outlive the index.
class FamilyIndex {
 public:
  /// `families_max` bounds the memory; lines of further families are left out.
  explicit FamilyIndex(std::size_t families_max) : families_max_(families_max) {}

  /// Keeps a name from being used by a text. Before the first read().
  void reserve(std::string_view name, FamilyType type);

  /// Takes in one text. `endpoint` must not be lower than that of the call before.
  void read(std::size_t endpoint, std::string_view text);

  /// In the order of their first appearance; those that were reserved have no lines.
  [[nodiscard]] const std::vector<Family>& families() const { return families_; }

 private:
  // Where the samples of a name go. No family: they are left out.
  using Place = std::optional<std::size_t>;
  struct Declaration {
    FamilyType type;
    Place place;
  };

  void read_comment(std::string_view line);
  Place declare(std::string_view name, FamilyType type);
  [[nodiscard]] bool has_sample_names_of(std::string_view name, FamilyType type) const;
  Place place_of(std::string_view sample);
  Place create(std::string_view name, FamilyType type);

  std::size_t families_max_;
  std::vector<Family> families_;
  std::size_t reserved_ = 0;                                      // The first families_.
  std::unordered_map<std::string_view, std::size_t> by_name_;     // Into families_.
  std::unordered_map<std::string_view, Declaration> declared_;    // By the text being read.
  std::unordered_map<std::string_view, std::string_view> helps_;  // Of families yet to come.
};

}  // namespace olla::vllm
