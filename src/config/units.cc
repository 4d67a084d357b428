#include "config/units.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "config/ascii.h"

namespace olla::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// In nanoseconds.
constexpr Unit kTimeUnits[] = {
    {"ns", 1},
    {"us", 1'000},
    {"\xc2\xb5s", 1'000},  // The micro sign,
    {"\xce\xbcs", 1'000},  // and the Greek letter that looks like it.
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
};
constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
// As in Go, whose durations are 64 bits with a sign.
constexpr std::uint64_t kNanosecondsMax = std::numeric_limits<std::int64_t>::max();

constexpr Unit kSizeUnits[] = {
    {"", 1},
    {"b", 1},
    {"k", 1ULL << 10},
    {"kb", 1ULL << 10},
    {"kib", 1ULL << 10},
    {"m", 1ULL << 20},
    {"mb", 1ULL << 20},
    {"mib", 1ULL << 20},
    {"g", 1ULL << 30},
    {"gb", 1ULL << 30},
    {"gib", 1ULL << 30},
};

Error malformed(std::string detail) {
  return {Errc::kMalformed, Side::kGateway, std::move(detail)};
}

std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::optional<std::uint64_t> to_number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

template <std::size_t N>
const Unit* find_unit(const Unit (&units)[N], std::string_view name) {
  const auto* found =
      std::find_if(units, units + N, [name](const Unit& unit) { return unit.name == name; });
  return found == units + N ? nullptr : found;
}

/// One number with its unit from the front of `text`, in nanoseconds.
Result<std::uint64_t> take_part(std::string_view& text) {
  // A fraction of an hour with more digits would overflow the product below.
  static constexpr std::size_t kFractionDigitsMax = 6;
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) {
    return malformed("must be a duration such as 500ms, 5s or 1m30s");
  }
  if (fraction.size() > kFractionDigitsMax) {
    return malformed("has more than 6 digits after the point");
  }
  const auto unit_end = std::find_if(text.begin(), text.end(),
                                     [](char c) { return is_digit(c) || c == '.' || c == ' '; });
  const auto name = text.substr(0, static_cast<std::size_t>(unit_end - text.begin()));
  text.remove_prefix(name.size());
  if (name.empty()) return malformed("needs a unit: ms, s, m or h, such as 5s");
  const Unit* unit = find_unit(kTimeUnits, name);
  if (unit == nullptr) return malformed("has an unknown unit; use ms, s, m or h, such as 5s");

  const auto count = whole.empty() ? 0 : to_number(whole);
  if (!count || *count > kNanosecondsMax / unit->factor) return malformed("is too long");
  std::uint64_t part = *count * unit->factor;
  if (!fraction.empty()) {
    std::uint64_t divisor = 1;
    for (std::size_t i = 0; i < fraction.size(); ++i)
      divisor *= 10;
    part += *to_number(fraction) * unit->factor / divisor;
  }
  return part;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.starts_with('-')) return malformed("must not be negative");
  std::uint64_t total = 0;
  do {
    const auto part = take_part(text);
    if (!part) return part.error();
    if (*part > kNanosecondsMax - total) return malformed("is too long");
    total += *part;
  } while (!text.empty());
  if (total % kNanosecondsPerMillisecond != 0) return malformed("is finer than a millisecond");
  return std::chrono::milliseconds(total / kNanosecondsPerMillisecond);
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count % 1000 != 0) return std::to_string(count) + "ms";
  if (count == 0 || count % 60'000 != 0) return std::to_string(count / 1000) + "s";
  if (count % 3'600'000 != 0) return std::to_string(count / 60'000) + "m";
  return std::to_string(count / 3'600'000) + "h";
}

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::string_view kExpected = "must be a size in bytes such as 1048576 or 100MiB";
  if (text.starts_with('-')) return malformed("must not be negative");
  const std::string_view digits = take_digits(text);
  if (digits.empty()) return malformed(std::string(kExpected));
  if (text.starts_with(' ')) text.remove_prefix(1);
  const Unit* unit = find_unit(kSizeUnits, lower_ascii(text));
  if (unit == nullptr) return malformed(std::string(kExpected));
  const auto count = to_number(digits);
  if (!count || *count > std::numeric_limits<std::uint64_t>::max() / unit->factor) {
    return malformed("is too large");
  }
  return *count * unit->factor;
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& [name, factor] :
       {Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}}) {
    if (bytes != 0 && bytes % factor == 0) {
      return std::to_string(bytes / factor) + std::string(name);
    }
  }
  return std::to_string(bytes);
}

Result<std::uint64_t> parse_whole_number(std::string_view text) {
  // YAML 1.1 reads a leading zero as octal, YAML 1.2 does not: neither guess is safe.
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  const auto value = to_number(text);
  if (leading_zero || !value) return malformed("must be a whole number");
  return *value;
}

}  // namespace olla::config
