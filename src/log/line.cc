#include "log/line.h"

#include <fmt/format.h>

#include <algorithm>
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

void append_timestamp(std::chrono::system_clock::time_point now, std::string& out) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const auto seconds = static_cast<std::time_t>(since.count() / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                 utc.tm_sec, since.count() % 1000);
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
    out.append(openai::json_quoted(text));
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
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else {
    fmt::format_to(std::back_inserter(out), "{:.3f}", std::get<double>(field.value));
  }
}

}  // namespace

std::string make_line(config::LogFormat format, std::chrono::system_clock::time_point now,
                      config::LogLevel level, std::string_view message,
                      std::span<const Field> fields) {
  std::string out;
  out.reserve(384);
  if (format == config::LogFormat::kText) {
    append_timestamp(now, out);
    out.append(" ").append(level_name(level, /*upper=*/true)).append(" ").append(message);
    for (const Field& field : fields) {
      out.append(" ").append(field.name).append("=");
      append_value(field, /*quote_words=*/false, out);
    }
    return out;
  }
  out.append(R"({"timestamp":")");
  append_timestamp(now, out);
  out.append(R"(","level":")").append(level_name(level, /*upper=*/false));
  out.append(R"(","msg":)").append(openai::json_quoted(message));
  for (const Field& field : fields) {
    out.append(",\"").append(field.name).append("\":");
    append_value(field, /*quote_words=*/true, out);
  }
  return out.append("}");
}

}  // namespace olla::log
