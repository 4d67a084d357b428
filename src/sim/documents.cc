#include "sim/documents.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <string>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

// The real pages, but for the icon: a browser loads what draws them from elsewhere.
constexpr std::string_view kDocs = R"(
    <!DOCTYPE html>
    <html>
    <head>
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <link type="text/css" rel="stylesheet"
      href="https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css">
    <title>FastAPI - Swagger UI</title>
    </head>
    <body>
    <div id="swagger-ui">
    </div>
    <script src="https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui-bundle.js"></script>
    <script>
    const ui = SwaggerUIBundle({url: '/openapi.json', "dom_id": "#swagger-ui"})
    </script>
    </body>
    </html>
    )";
constexpr std::string_view kRedoc = R"(
    <!DOCTYPE html>
    <html>
    <head>
    <title>FastAPI - ReDoc</title>
    <meta charset="utf-8"/>
    </head>
    <body>
    <redoc spec-url="/openapi.json"></redoc>
    <script src="https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js"> </script>
    </body>
    </html>
    )";

std::string lower(std::string_view method) {
  std::string out;
  std::transform(method.begin(), method.end(), std::back_inserter(out),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

Answer openapi_answer(Service service, const RouteRules& rules) {
  std::string out = R"({"openapi":"3.1.0","info":{"title":"FastAPI","version":"0.1.0"},"paths":{)";
  std::map<std::string, const Route*> by_path;
  for (const Route* route : served_routes(service, rules)) {
    by_path[std::string(route->path)] = route;
  }
  bool first_path = true;
  for (const auto& [path, route] : by_path) {
    if (route->allow.ends_with("HEAD")) continue;  // the documents themselves
    if (!first_path) out += ',';
    first_path = false;
    append_json_string(out, path);
    out += ":{";
    bool first = true;
    for (const std::string_view method : {"GET", "POST"}) {
      if (!allows(*route, method)) continue;
      if (!first) out += ',';
      first = false;
      append_json_string(out, lower(method));
      out += R"(:{"responses":{"200":{"description":"Successful Response"}}})";
    }
    out += '}';
  }
  return json_answer(out + "}}");
}

Answer documents_page(std::string_view path) {
  const std::string_view page = path == "/docs" ? kDocs : kRedoc;
  Answer answer = json_answer(std::string(page));
  answer.headers[1].second = "text/html; charset=utf-8";
  return answer;
}

}  // namespace olla::sim
