#include "config/headers.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/ascii.h"

namespace olla::config {
namespace {

// The gateway sets these itself for each request: they frame the message or hold for one connection
// only (RFC 9110 section 7.6.1).
constexpr std::string_view kReservedNames[] = {
    "host", "content-length", "transfer-encoding", "connection", "keep-alive",
    "te",   "trailer",        "upgrade",
};

bool has_control_character(std::string_view value) {
  return std::any_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

/// The value to send, or what is wrong with it.
Result<std::string> read_value(const Value& node, const Environment& env) {
  const auto fault = [](std::string detail) {
    return Error{Errc::kMalformed, Side::kGateway, std::move(detail)};
  };
  if (node.kind == Value::Kind::kSequence || node.kind == Value::Kind::kMapping) {
    return fault("must be a single text");
  }
  if (node.kind == Value::Kind::kNull || node.text.empty()) return fault("must not be empty");
  auto value = substitute(node.text, env);
  if (!value) return value.error();
  if (std::string wrong = header_value_fault(*value); !wrong.empty()) return fault(wrong);
  return value;
}

}  // namespace

std::string header_name_fault(const std::string& name) {
  if (name.size() > kHeaderBytesMax || !is_token(name)) return "is not a header name";
  const bool is_reserved = std::find(std::begin(kReservedNames), std::end(kReservedNames),
                                     lower_ascii(name)) != std::end(kReservedNames);
  return is_reserved ? "is a header that the gateway sets itself" : "";
}

std::string header_value_fault(std::string_view value) {
  if (value.size() > kHeaderBytesMax) {
    return "is longer than " + std::to_string(kHeaderBytesMax) + " bytes";
  }
  if (has_control_character(value)) {
    return "holds a line end or another control character (maybe in a variable's value)";
  }
  return "";
}

std::vector<Header> read_headers(const Entry& headers, const std::string& path,
                                 const Environment& env, Problems& problems) {
  const Value& node = *headers.value;
  if (node.kind != Value::Kind::kMapping) {
    problems.error(path, headers.line, "must be a mapping of names to values");
    return {};
  }
  if (node.entries.size() > kEndpointHeadersMax) {
    problems.error(path, headers.line,
                   "has more than " + std::to_string(kEndpointHeadersMax) + " headers");
    return {};
  }
  std::vector<Header> out;
  std::set<std::string> names;
  std::set<std::string> lower_names;
  for (const Entry& entry : node.entries) {
    const std::string header_path = path + "." + printable(entry.key);
    if (const std::string fault = header_name_fault(entry.key); !fault.empty()) {
      problems.error(header_path, entry.line, fault);
    }
    // A name that is there twice letter by letter is reported as a duplicate key already.
    const bool is_new = names.insert(entry.key).second;
    if (!lower_names.insert(lower_ascii(entry.key)).second && is_new) {
      problems.error(header_path, entry.line,
                     "is there twice; header names differ in more than case");
    }
    auto value = read_value(*entry.value, env);
    if (value) {
      out.push_back({entry.key, *std::move(value)});
    } else {
      problems.error(header_path, entry.line, value.error().detail);
    }
  }
  return out;
}

}  // namespace olla::config
