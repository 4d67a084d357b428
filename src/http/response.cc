#include "http/response.h"

#include <array>
#include <utility>

namespace olla::http {

std::string_view reason_phrase(int status) {
  static constexpr auto kPhrases = std::to_array<std::pair<int, std::string_view>>({
      {100, "Continue"},
      {101, "Switching Protocols"},
      {102, "Processing"},
      {103, "Early Hints"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  });
  for (const auto& [code, phrase] : kPhrases) {
    if (code == status) return phrase;
  }
  return "Unknown";
}

std::string http_date(std::time_t time) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  const auto two = [](int value) {
    return std::string{static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
  };
  // strftime would follow the locale.
  std::string out = kDays[static_cast<std::size_t>(utc.tm_wday)];
  out.append(", ").append(two(utc.tm_mday)).append(" ");
  out.append(kMonths[static_cast<std::size_t>(utc.tm_mon)]).append(" ");
  out.append(std::to_string(utc.tm_year + 1900)).append(" ");
  out.append(two(utc.tm_hour)).append(":").append(two(utc.tm_min)).append(":");
  return out.append(two(utc.tm_sec)).append(" GMT");
}

void append_response(const OwnResponse& response, std::string& out) {
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason_phrase(response.status)).append("\r\n");
  out.append("Date: ").append(http_date(response.now)).append("\r\n");
  if (!response.content_type.empty()) {
    out.append("Content-Type: ").append(response.content_type).append("\r\n");
  }
  // Of a 304 it would be the length of what was not sent (RFC 9110, section 8.6).
  if (response.status != 304)
    // A 204 must not have one (RFC 9110, section 8.6).
    if (response.status != 204)
      out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  out.append(response.extra_fields);
  if (!response.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (response.client_minor_version == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (!response.head_only) out.append(response.body);
}

}  // namespace olla::http
