#include "vllm/exposition_families.h"

#include <array>
#include <string>

#include "vllm/exposition_text.h"

namespace olla::vllm {
namespace {

constexpr std::array<std::string_view, 3> kSuffixes = {"_bucket", "_sum", "_count"};

FamilyType type_of(std::string_view word) {
  if (word == "counter") return FamilyType::kCounter;
  if (word == "gauge") return FamilyType::kGauge;
  if (word == "histogram") return FamilyType::kHistogram;
  if (word == "summary") return FamilyType::kSummary;
  return FamilyType::kUntyped;
}

// The entry of `table` that `sample` can belong to by its name, and that fits; or else the entry
// called like the sample; or else end().
template <class Table, class TypeOf>
auto find_fitting(Table& table, std::string_view sample, const TypeOf& type_of_entry) {
  const auto exact = table.find(sample);
  if (exact != table.end()) return exact;
  for (const std::string_view suffix : kSuffixes) {
    if (!sample.ends_with(suffix)) continue;
    const auto base = table.find(sample.substr(0, sample.size() - suffix.size()));
    if (base != table.end() && fits(type_of_entry(base->second), base->first, sample)) return base;
  }
  return table.end();
}

}  // namespace

bool fits(FamilyType type, std::string_view name, std::string_view sample) {
  if (!sample.starts_with(name)) return false;
  const std::string_view suffix = sample.substr(name.size());
  switch (type) {
    case FamilyType::kHistogram:
      return suffix == "_bucket" || suffix == "_sum" || suffix == "_count";
    case FamilyType::kSummary:
      return suffix.empty() || suffix == "_sum" || suffix == "_count";
    default:
      return suffix.empty();
  }
}

void FamilyIndex::reserve(std::string_view name, FamilyType type) {
  by_name_.emplace(name, families_.size());
  families_.push_back({name, type, {}, {}});
  reserved_ = families_.size();
}

void FamilyIndex::read(std::size_t endpoint, std::string_view text) {
  declared_.clear();
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::string_view name = leading_name(line);
    if (name.empty()) {
      read_comment(line);
      continue;
    }
    const Place place = place_of(name);
    if (!place) continue;
    std::vector<SampleLines>& lines = families_[*place].lines;
    constexpr std::ptrdiff_t kLineEndMax = 2;  // CRLF.
    if (!lines.empty() && lines.back().endpoint == endpoint) {
      std::string_view& last = lines.back().text;
      if (line.data() - (last.data() + last.size()) <= kLineEndMax) {
        last = {last.data(), static_cast<std::size_t>(line.data() + line.size() - last.data())};
        continue;
      }
    }
    lines.push_back({endpoint, line});
  }
}

void FamilyIndex::read_comment(std::string_view line) {
  const auto metadata = parse_metadata(line);
  if (!metadata) return;
  if (metadata->kind == Metadata::Kind::kType) {
    if (declared_.size() == families_max_ || declared_.contains(metadata->name)) return;
    const FamilyType type = type_of(metadata->text);
    declared_.emplace(metadata->name, Declaration{type, declare(metadata->name, type)});
    return;
  }
  const auto family = by_name_.find(metadata->name);
  if (family != by_name_.end()) {
    std::string_view& help = families_[family->second].help;
    if (help.empty()) help = metadata->text;
  } else if (helps_.size() < families_max_) {
    helps_.emplace(metadata->name, metadata->text);
  }
}

FamilyIndex::Place FamilyIndex::declare(std::string_view name, FamilyType type) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) {
    const bool same = known->second >= reserved_ && families_[known->second].type == type;
    return same ? Place(known->second) : std::nullopt;
  }
  return has_sample_names_of(name, type) ? std::nullopt : create(name, type);
}

// Whether a family that is called otherwise has a sample name that this one would have.
bool FamilyIndex::has_sample_names_of(std::string_view name, FamilyType type) const {
  const auto type_at = [this](std::size_t family) { return families_[family].type; };
  if (find_fitting(by_name_, name, type_at) != by_name_.end()) return true;
  for (const std::string_view suffix : kSuffixes) {
    const std::string sample = std::string(name).append(suffix);
    if (fits(type, name, sample) && by_name_.contains(sample)) return true;
  }
  return false;
}

// The text's own declaration counts first: it tells which samples go with a family left out.
FamilyIndex::Place FamilyIndex::place_of(std::string_view sample) {
  const auto declared =
      find_fitting(declared_, sample, [](const Declaration& d) { return d.type; });
  if (declared != declared_.end()) {
    const auto& [name, declaration] = *declared;
    return fits(declaration.type, name, sample) ? declaration.place : std::nullopt;
  }
  const auto owner =
      find_fitting(by_name_, sample, [this](std::size_t family) { return families_[family].type; });
  if (owner == by_name_.end()) return create(sample, FamilyType::kUntyped);
  const auto& [name, family] = *owner;
  const bool usable = family >= reserved_ && fits(families_[family].type, name, sample);
  return usable ? Place(family) : std::nullopt;
}

FamilyIndex::Place FamilyIndex::create(std::string_view name, FamilyType type) {
  if (families_.size() - reserved_ == families_max_) return std::nullopt;
  const auto help = helps_.find(name);
  families_.push_back({name, type, help == helps_.end() ? std::string_view() : help->second, {}});
  by_name_.emplace(name, families_.size() - 1);
  return families_.size() - 1;
}

}  // namespace olla::vllm
