#include "log/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>

#include "base/text_writer.h"
#include "openai/request.h"

namespace olla::log {
namespace {

// About as much as a request's line takes: room for it, not a limit.
constexpr std::size_t kUsualBytes = 512;

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

/// With zeros in front. `value` is under 1000.
void write_three_digits(std::uint64_t value, TextWriter& out) {
  const char digits[] = {static_cast<char>('0' + value / 100),
                         static_cast<char>('0' + value / 10 % 10),
                         static_cast<char>('0' + value % 10)};
  out.text(std::string_view(digits, sizeof digits));
}

/// Three digits behind the point.
void write_decimal(double value, TextWriter& out) {
  constexpr double kMost = 1e12;  // Far from where a double knows no thousandths any more.
  if (value >= 0 && value < kMost) {
    const auto thousandths = static_cast<std::uint64_t>(std::llround(value * 1000));
    out.number(thousandths / 1000).character('.');
    write_three_digits(thousandths % 1000, out);
  } else {
    out.text(fmt::format("{:.3f}", value));
  }
}

// Lines come many to a second, and what all of those share is made once per thread.
struct SecondText {
  std::time_t second = 0;
  std::string text = {};  // Up to the seconds; empty: none yet.
};

void write_timestamp(std::chrono::system_clock::time_point now, TextWriter& out) {
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
  out.text(last.text);
  write_three_digits(static_cast<std::uint64_t>(since.count() % 1000), out);
  out.character('Z');
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

void write_quoted(std::string_view text, TextWriter& out) {
  if (openai::json_plain_length(text) == text.size()) {
    out.character('"').text(text).character('"');
  } else {
    out.text(openai::json_quoted(text));
  }
}

void write_text(std::string_view text, bool quote_words, TextWriter& out) {
  if (!quote_words && reads_as_one_word(text)) {
    out.text(text);
  } else {
    write_quoted(text, out);
  }
}

void write_value(const Field& field, bool quote_words, TextWriter& out) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (text->size() <= kTextBytesMax) {
      write_text(*text, quote_words, out);
    } else {
      write_text(shortened(*text), quote_words, out);
    }
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    if (*number < 0) out.character('-');
    // Of the smallest number of all the absolute value is no std::int64_t.
    const auto bits = static_cast<std::uint64_t>(*number);
    out.number(*number < 0 ? 0 - bits : bits);
  } else {
    write_decimal(std::get<double>(field.value), out);
  }
}

}  // namespace

void append_line(config::LogFormat format, std::chrono::system_clock::time_point now,
                 config::LogLevel level, std::string_view message, std::span<const Field> fields,
                 std::string& out) {
  TextWriter line(out, kUsualBytes);
  if (format == config::LogFormat::kText) {
    write_timestamp(now, line);
    line.character(' ').text(level_name(level, /*upper=*/true)).character(' ').text(message);
    for (const Field& field : fields) {
      line.character(' ').text(field.name).character('=');
      write_value(field, /*quote_words=*/false, line);
    }
    return;
  }
  line.text(R"({"timestamp":")");
  write_timestamp(now, line);
  line.text(R"(","level":")").text(level_name(level, /*upper=*/false)).text(R"(","msg":)");
  write_quoted(message, line);
  for (const Field& field : fields) {
    line.text(",\"").text(field.name).text("\":");
    write_value(field, /*quote_words=*/true, line);
  }
  line.character('}');
}

}  // namespace olla::log
