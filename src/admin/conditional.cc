#include "admin/conditional.h"

#include <algorithm>
#include <array>

#include "admin/format.h"
#include "http/gzip.h"

namespace olla::admin {
namespace {

// What a client may remember of us is one tag or two.
constexpr std::size_t kIfNoneMatchBytesMax = 1024;

// Under this gzip saves less than its own frame and the time cost.
constexpr std::size_t kGzipBytesMin = 256;

constexpr std::array<std::string_view, 13> kVolatile{
    "timestamp",       "uptime",        "last_check",      "next_check",         "health_check",
    "health_check_at", "next_check_at", "last_model_sync", "last_model_sync_at", "last_updated",
    "last_seen",       "last_seen_at",  "last_requested",
};

std::string text_of(const Json& document) {
  return document.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Json without_volatile(const Json& document) {
  if (document.is_array()) {
    Json kept = Json::array();
    for (const Json& element : document)
      kept.push_back(without_volatile(element));
    return kept;
  }
  if (!document.is_object()) return document;
  Json kept = Json::object();
  for (const auto& [name, value] : document.items()) {
    if (!is_volatile(name)) kept[name] = without_volatile(value);
  }
  return kept;
}

std::string_view opaque_part(std::string_view tag) {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

}  // namespace

proxy::OwnAnswer json_answer(const Json& document) {
  return {200, text_of(document)};
}

bool is_volatile(std::string_view member) {
  return std::find(kVolatile.begin(), kVolatile.end(), member) != kVolatile.end();
}

std::string entity_tag(const Json& document) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a, 64 bit.
  for (const char c : text_of(without_volatile(document))) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return "W/\"" + base36(hash) + "\"";
}

bool names_tag(std::span<const http::Field> fields, std::string_view tag) {
  for (const http::Field& field : fields) {
    if (!http::iequals(field.name, "if-none-match")) continue;
    if (field.value.size() > kIfNoneMatchBytesMax) continue;
    // A comma may stand within a foreign tag; ours has none, so that cutting there does no harm.
    http::ListWalker list(field.value);
    while (const auto element = list.next()) {
      if (*element == "*" || opaque_part(*element) == opaque_part(tag)) return true;
    }
  }
  return false;
}

proxy::OwnAnswer conditional_answer(const Json& document, std::span<const http::Field> fields) {
  const std::string tag = entity_tag(document);
  proxy::OwnAnswer own;
  own.extra_fields = "ETag: " + tag +
                     "\r\nCache-Control: private, no-cache\r\n"
                     "Vary: Accept-Encoding\r\n";
  if (names_tag(fields, tag)) {
    own.status = 304;
    own.content_type = {};
    return own;
  }
  own.body = text_of(document);
  if (own.body.size() >= kGzipBytesMin && http::accepts_gzip(fields)) {
    own.body = http::gzip(own.body);
    own.extra_fields += "Content-Encoding: gzip\r\n";
  }
  return own;
}

}  // namespace olla::admin
