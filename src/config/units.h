#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace olla::config {

/// Reads a duration as Go writes it: numbers with a unit (ns, us, ms, s, m, h), one after the
/// other, such as "500ms", "1.5s" or "1m30s". "0" needs no unit.
///
/// Errors: kMalformed, with a `detail` that says what is wrong and fits after a key path: no unit,
/// unknown unit, negative, finer than a millisecond, longer than 290 years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// `duration` in the largest unit that makes it a whole number: "90s", "15m", "0s".
std::string duration_text(std::chrono::milliseconds duration);

/// Reads a size in bytes: a whole number, with or without a unit. K, KB and KiB all mean 1024
/// bytes, and so on for M and G, in any case: Olla's sizes are binary.
///
/// Errors: kMalformed, with a `detail` as above; also when it does not fit 64 bits.
Result<std::uint64_t> parse_size(std::string_view text);

/// `bytes` in the largest of GiB, MiB and KiB that makes it a whole number, or plain.
std::string size_text(std::uint64_t bytes);

/// Reads decimal digits and nothing else, without a leading zero. kMalformed otherwise, or when
/// they do not fit 64 bits.
Result<std::uint64_t> parse_whole_number(std::string_view text);

}  // namespace olla::config
