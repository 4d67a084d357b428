#include "sim/dialect.h"

#include <charconv>

namespace olla::sim {
namespace {

// The first version with structured_outputs alone, without guided_json and its kin.
constexpr int kNewMinor = 12;

}  // namespace

Dialect dialect_of(std::string_view version) {
  const char* const end = version.data() + version.size();
  int major = 0;
  int minor = 0;
  const auto first = std::from_chars(version.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return Dialect::kNew;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc{}) return Dialect::kNew;
  return major == 0 && minor < kNewMinor ? Dialect::kOld : Dialect::kNew;
}

}  // namespace olla::sim
