#include "bench/request_text.h"

#include <string_view>

#include "bench/event_text.h"

namespace olla::bench {
namespace {

// With what makes a reader of JSON work: escapes, and text beyond ASCII.
constexpr std::string_view kProse =
    R"(The quick brown fox jumps over the lazy dog, and \"why\" nobody knows.\n)"
    R"(Zw\u00f6lf Boxk\u00e4mpfer jagen Viktor quer über den großen Sylter Deich. )";

constexpr std::string_view kFields =
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/Python 2.8.1\r\n"
    "X-Stainless-Lang: python\r\n"
    "X-Stainless-Package-Version: 2.8.1\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Runtime: CPython\r\n"
    "X-Stainless-Runtime-Version: 3.11.2\r\n"
    "Authorization: Bearer sk-bench-0123456789abcdef0123456789abcdef\r\n"
    "X-Stainless-Async: false\r\n"
    "x-stainless-retry-count: 0\r\n"
    "x-stainless-read-timeout: 600\r\n";

std::string body_text(const RequestShape& shape) {
  if (shape.fault == "json") return std::string(shape.body_bytes, '[');
  std::string body = R"({"messages":[{"role":"system","content":"You are a helpful assistant."},)"
                     R"({"role":"user","content":")";
  const std::string end = R"("}],"model":")" + shape.model + R"(","max_tokens":100,"stream":)" +
                          (shape.wish.empty() ? "false" : "true") + R"(,"temperature":0.7})";
  while (body.size() + end.size() + kProse.size() <= shape.body_bytes)
    body.append(kProse);
  return body.append(end);
}

}  // namespace

std::string request_text(const RequestShape& shape) {
  if (shape.fault == "head") return "POST " + shape.path + " HTTP/1.1\r\nNo colon\r\n\r\n";
  const std::string body = body_text(shape);
  std::string text = "POST " + shape.path +
                     " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(shape.port) + "\r\n" +
                     std::string(kFields);
  if (!shape.wish.empty()) text.append(kWishField).append(": ").append(shape.wish).append("\r\n");
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  if (shape.fault == "framing") text.append("Content-Length: 1\r\n");
  return text.append("\r\n").append(body);
}

}  // namespace olla::bench
