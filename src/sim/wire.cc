#include "sim/wire.h"

#include <array>
#include <charconv>

#include "http/response.h"

namespace olla::sim {
namespace {

std::string opening(int status, std::int64_t unix_seconds) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(http::reason_phrase(status)).append("\r\ndate: ");
  out.append(http::http_date(unix_seconds)).append("\r\nserver: uvicorn\r\n");
  return out;
}

}  // namespace

std::string answer_head(const Answer& answer, const HeadOptions& options) {
  std::string out = opening(answer.status, options.unix_seconds);
  for (const auto& [name, value] : answer.headers) {
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (options.close) out += "connection: close\r\n";
  return out + "\r\n";
}

std::string stream_head(const HeadOptions& options) {
  std::string out = opening(200, options.unix_seconds);
  out += "content-type: text/event-stream; charset=utf-8\r\n";
  if (options.dialect == Dialect::kNew) out += "vary: Origin\r\n";
  if (options.close) out += "connection: close\r\n";
  return out + "transfer-encoding: chunked\r\n\r\n";
}

std::string chunk(std::string_view payload) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), payload.size(), 16);
  std::string out(digits.data(), end.ptr);
  return out.append("\r\n").append(payload).append("\r\n");
}

std::string invalid_request(std::int64_t unix_seconds) {
  constexpr std::string_view kBody = "Invalid HTTP request received.";
  return opening(400, unix_seconds) +
         "content-type: text/plain; charset=utf-8\r\ncontent-length: " +
         std::to_string(kBody.size()) + "\r\nconnection: close\r\n\r\n" + std::string(kBody);
}

}  // namespace olla::sim
