#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/body.h"
#include "http/forward.h"
#include "http/head.h"

namespace {

using olla::http::BodyScanner;
using olla::http::HeadScanner;

/// The head's end must not depend on how the bytes were cut.
std::size_t head_size(std::string_view wire, std::size_t piece) {
  HeadScanner scanner(4096);
  auto state = HeadScanner::State::kMore;
  for (std::size_t end = 0; state == HeadScanner::State::kMore && end < wire.size();) {
    end = std::min(end + piece, wire.size());
    state = scanner.scan(wire.substr(0, end));
  }
  return state == HeadScanner::State::kComplete ? scanner.size() : 0;
}

std::string payload_of(BodyScanner scanner, std::string_view wire, std::size_t piece) {
  std::string payload;
  for (std::size_t at = 0; at < wire.size(); at += piece) {
    std::string_view bytes = wire.substr(at, piece);
    for (auto step = scanner.next(bytes); step.consumed > 0; step = scanner.next(bytes)) {
      payload += step.payload;
      bytes.remove_prefix(step.consumed);
    }
  }
  return payload;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view wire(reinterpret_cast<const char*>(data), size);
  const std::size_t end = head_size(wire, size);
  require(end == head_size(wire, 1) && end <= size);
  if (end == 0) return 0;

  olla::http::RequestHead request;
  olla::http::ResponseHead response;
  if (!olla::http::parse_request_head(wire.substr(0, end), 50, request)) {
    std::string out;
    olla::http::append_request_head(request, {}, out);
    // What goes upstream must be a head that this parser itself takes, and only one.
    require(head_size(out, out.size()) == out.size());
    const BodyScanner body(request.framing, request.content_length);
    require(payload_of(body, wire.substr(end), size) == payload_of(body, wire.substr(end), 1));
  }
  if (!olla::http::parse_response_head(wire.substr(0, end), 50, "GET", response)) {
    std::string out;
    olla::http::append_response_head(response, {}, out);
    require(head_size(out, out.size()) == out.size());
  }
  return 0;
}
