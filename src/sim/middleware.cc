#include "sim/middleware.h"

#include <algorithm>
#include <array>

#include "http/field.h"
#include "sim/json_text.h"
#include "sim/routes.h"

namespace olla::sim {
namespace {

constexpr std::string_view kAllowOrigin = "access-control-allow-origin";
constexpr std::string_view kVary = "vary";
constexpr auto kGuarded = std::to_array<std::string_view>({"/v1", "/v2", "/inference", "/cohere"});

/// An error that is a word and no object.
Answer unauthorized() {
  Answer answer;
  answer.status = 401;
  answer.body = R"({"error":"Unauthorized"})";
  answer.headers = {{"content-length", std::to_string(answer.body.size())},
                    {"content-type", "application/json"}};
  return answer;
}

}  // namespace

Middleware::Middleware(MiddlewareOptions options, Dialect dialect, Random ids)
    : options_(std::move(options)), dialect_(dialect), ids_(ids) {
  if (options_.allowed_origins) {
    origins_ = *options_.allowed_origins;
  } else if (dialect_ == Dialect::kOld) {
    origins_.emplace_back("*");
  }
}

std::optional<Answer> Middleware::refuse(const http::RequestHead& request) const {
  const bool asks = request.method == "OPTIONS";
  if (!asks && !options_.api_keys.empty() && guards(decoded_path(request.target)) &&
      !knows_key(request)) {
    return unauthorized();
  }
  const auto origin = http::find_field(request.fields, "origin");
  if (!asks || !origin || !http::find_field(request.fields, "access-control-request-method")) {
    return std::nullopt;
  }
  return preflight(request, *origin);
}

void Middleware::finish(HeaderFields& fields, const http::RequestHead& request, bool refused) {
  const auto origin = http::find_field(request.fields, "origin");
  if (origin && !refused) add_origin(fields, *origin);
  if (!refused && allows_all()) {
    std::erase_if(fields, [](const auto& field) { return field.first == kVary; });
  }
  if (!options_.request_id_headers) return;
  const auto id = http::find_field(request.fields, "x-request-id");
  fields.emplace_back("x-request-id",
                      id ? std::string(*id) : hex16(ids_.next()) + hex16(ids_.next()));
}

/// An old server guards less, since it has less.
bool Middleware::guards(std::string_view path) const {
  const std::size_t count = dialect_ == Dialect::kOld ? 1 : kGuarded.size();
  return std::any_of(kGuarded.begin(), kGuarded.begin() + static_cast<std::ptrdiff_t>(count),
                     [path](std::string_view prefix) { return path.starts_with(prefix); });
}

bool Middleware::knows_key(const http::RequestHead& request) const {
  const std::string_view given =
      http::find_field(request.fields, "authorization").value_or(std::string_view());
  const std::size_t space = given.find(' ');
  if (space == std::string_view::npos || !http::iequals(given.substr(0, space), "bearer"))
    return false;
  return std::find(options_.api_keys.begin(), options_.api_keys.end(), given.substr(space + 1)) !=
         options_.api_keys.end();
}

bool Middleware::allows_all() const {
  return std::find(origins_.begin(), origins_.end(), "*") != origins_.end();
}

bool Middleware::allows(std::string_view origin) const {
  return allows_all() || std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

/// What a browser asks before it sends the request itself.
Answer Middleware::preflight(const http::RequestHead& request, std::string_view origin) const {
  Answer answer;
  const bool all = allows_all();
  HeaderFields& fields = answer.headers;
  if (all) {
    fields.emplace_back(kAllowOrigin, "*");
  } else {
    fields.emplace_back(kVary,
                        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
                        "Access-Control-Request-Private-Network");
  }
  fields.emplace_back("access-control-allow-methods",
                      dialect_ == Dialect::kOld
                          ? "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
                          : "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY");
  fields.emplace_back("access-control-max-age", "600");
  if (!all && allows(origin)) fields.emplace_back(kAllowOrigin, origin);
  if (const auto asked = http::find_field(request.fields, "access-control-request-headers")) {
    fields.emplace_back("access-control-allow-headers", *asked);
  }
  answer.status = allows(origin) ? 200 : 400;
  answer.body = allows(origin) ? "OK" : "Disallowed CORS origin";
  fields.emplace_back("content-length", std::to_string(answer.body.size()));
  fields.emplace_back("content-type", "text/plain; charset=utf-8");
  return answer;
}

/// Before `vary`, where vLLM writes it.
void Middleware::add_origin(HeaderFields& fields, std::string_view origin) const {
  if (!allows(origin)) return;
  const auto vary = std::find_if(fields.begin(), fields.end(),
                                 [](const auto& field) { return field.first == kVary; });
  fields.emplace(vary, kAllowOrigin, allows_all() ? "*" : std::string(origin));
}

}  // namespace olla::sim
