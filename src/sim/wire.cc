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

void append_fields(std::string& out, const HeaderFields& fields) {
  for (const auto& [name, value] : fields) {
    out.append(name).append(": ").append(value).append("\r\n");
  }
}

}  // namespace

std::string answer_head(const Answer& answer, const HeadOptions& options) {
  std::string out = opening(answer.status, options.unix_seconds);
  append_fields(out, answer.headers);
  if (options.close) out += "connection: close\r\n";
  return out + "\r\n";
}

HeaderFields stream_fields(Dialect dialect) {
  HeaderFields fields = {{"content-type", "text/event-stream; charset=utf-8"}};
  if (dialect == Dialect::kNew) fields.emplace_back("vary", "Origin");
  return fields;
}

std::string stream_head(const HeaderFields& fields, const HeadOptions& options) {
  std::string out = opening(200, options.unix_seconds);
  append_fields(out, fields);
  if (options.close) out += "connection: close\r\n";
  return out + "transfer-encoding: chunked\r\n\r\n";
}

std::string chunk(std::string_view payload) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), payload.size(), 16);
  std::string out(digits.data(), end.ptr);
  return out.append("\r\n").append(payload).append("\r\n");
}

std::string websocket_refusal(std::int64_t unix_seconds) {
  return "HTTP/1.1 403 Forbidden\r\nDate: " + http::http_date(unix_seconds) +
         "\r\nConnection: close\r\nContent-Length: 0\r\n"
         "Content-Type: text/plain; charset=utf-8\r\n\r\n";
}

std::string invalid_request(std::int64_t unix_seconds) {
  constexpr std::string_view kBody = "Invalid HTTP request received.";
  return opening(400, unix_seconds) +
         "content-type: text/plain; charset=utf-8\r\ncontent-length: " +
         std::to_string(kBody.size()) + "\r\nconnection: close\r\n\r\n" + std::string(kBody);
}

}  // namespace olla::sim
