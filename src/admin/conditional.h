#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "http/field.h"
#include "proxy/services.h"

namespace olla::admin {

using Json = nlohmann::ordered_json;

/// `document` as an answer. What is no UTF-8 in it is replaced: names come from outside.
proxy::OwnAnswer json_answer(const Json& document);

/// The same for a document that dashboards ask for again and again: with an ETag over all of it
/// that does not move by itself (see is_volatile), 304 for one who has it, and gzip for one who
/// takes it and where it pays.
proxy::OwnAnswer conditional_answer(const Json& document, std::span<const http::Field> fields);

/// Whether the member says how late it is and not what has changed: times and texts such as "3s
/// ago".
[[nodiscard]] bool is_volatile(std::string_view member);

/// A weak tag, with its quotes.
[[nodiscard]] std::string entity_tag(const Json& document);

/// Whether an If-None-Match names the tag (RFC 9110, section 13.1.2), or any. One of more than
/// 1 KiB is ignored.
[[nodiscard]] bool names_tag(std::span<const http::Field> fields, std::string_view tag);

}  // namespace olla::admin
