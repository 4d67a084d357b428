#include "log/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <iterator>

#include "openai/request.h"

namespace olla::log {
namespace {

std::string_view level_name(config::LogLevel level, bool upper) {
  switch (level) {
    case config::LogLevel::kDebug:
      return upper ? "DEBUG" : "debug";
    case config::LogLevel::kInfo:
      return upper ? "INFO" : "info";
    case config::LogLevel::kWarn:
      return upper ? "WARN" : "warn";
    case config::LogLevel::kError:
      break;
  }
  return upper ? "ERROR" : "error";
}

void append_number(std::uint64_t value, std::string& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

/// With zeros in front. `value` is under 1000.
void append_three_digits(std::uint64_t value, std::string& out) {
  const char digits[] = {static_cast<char>('0' + value / 100),
                         static_cast<char>('0' + value / 10 % 10),
                         static_cast<char>('0' + value % 10)};
  out.append(digits, sizeof digits);
}

/// Three digits behind the point.
void append_decimal(double value, std::string& out) {
  constexpr double kMost = 1e12;  // Far from where a double knows no thousandths any more.
  if (value >= 0 && value < kMost) {
    const auto thousandths = static_cast<std::uint64_t>(std::llround(value * 1000));
    append_number(thousandths / 1000, out);
    out.push_back('.');
    append_three_digits(thousandths % 1000, out);
  } else {
    fmt::format_to(std::back_inserter(out), "{:.3f}", value);
  }
}

// Lines come many to a second, and what all of those share is made once per thread.
struct SecondText {
  std::time_t second = 0;
  std::string text = {};  // Up to the seconds; empty: none yet.
};

void append_timestamp(std::chrono::system_clock::time_point now, std::string& out) {
  thread_local SecondText last;
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const auto second = static_cast<std::time_t>(since.count() / 1000);
  if (last.text.empty() || last.second != second) {
    std::tm utc{};
    gmtime_r(&second, &utc);
    last.text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", utc.tm_year + 1900,
                            utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    last.second = second;
  }
  out.append(last.text);
  append_three_digits(static_cast<std::uint64_t>(since.count() % 1000), out);
  out.push_back('Z');
}

bool reads_as_one_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

/// The start of a text that is too long, with a mark. The text need not be valid UTF-8.
std::string shortened(std::string_view text) {
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t size = kTextBytesMax;
  // A sequence has at most three bytes behind its first.
  while (size > kTextBytesMax - 3 && continues(size))
    --size;
  return std::string(text.substr(0, size)).append("...[cut]");
}

void append_text(std::string_view text, bool quote_words, std::string& out) {
  if (!quote_words && reads_as_one_word(text)) {
    out.append(text);
  } else {
    openai::append_json_quoted(text, out);
  }
}

void append_value(const Field& field, bool quote_words, std::string& out) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (text->size() <= kTextBytesMax) {
      append_text(*text, quote_words, out);
    } else {
      append_text(shortened(*text), quote_words, out);
    }
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    if (*number < 0) out.push_back('-');
    // Of the smallest number of all the absolute value is no std::int64_t.
    const auto bits = static_cast<std::uint64_t>(*number);
    append_number(*number < 0 ? 0 - bits : bits, out);
  } else {
    append_decimal(std::get<double>(field.value), out);
  }
}

}  // namespace

void append_line(config::LogFormat format, std::chrono::system_clock::time_point now,
                 config::LogLevel level, std::string_view message, std::span<const Field> fields,
                 std::string& out) {
  if (format == config::LogFormat::kText) {
    append_timestamp(now, out);
    out.append(" ").append(level_name(level, /*upper=*/true)).append(" ").append(message);
    for (const Field& field : fields) {
      out.append(" ").append(field.name).append("=");
      append_value(field, /*quote_words=*/false, out);
    }
    return;
  }
  out.append(R"({"timestamp":")");
  append_timestamp(now, out);
  out.append(R"(","level":")").append(level_name(level, /*upper=*/false));
  out.append(R"(","msg":)");
  openai::append_json_quoted(message, out);
  for (const Field& field : fields) {
    out.append(",\"").append(field.name).append("\":");
    append_value(field, /*quote_words=*/true, out);
  }
  out.push_back('}');
}

}  // namespace olla::log
