#include "admin/internal.h"

#include <boost/version.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "proxy/answer.h"

namespace olla::admin {
namespace {

std::string version_document() {
  const nlohmann::ordered_json document = {
      {"name", "olla"},
      {"version", "v" OLLA_VERSION},
      {"description", "An LLM gateway for vLLM servers"},
      {"build", {{"compiler", "g++ " __VERSION__}, {"boost", BOOST_LIB_VERSION}}},
      {"api",
       {{"version", "v1"},
        {"endpoints", {{"health", "/internal/health"}, {"version", "/version"}}}}},
      {"supported_backends", {"vllm", "openai-compatible"}},
  };
  return document.dump();
}

}  // namespace

std::optional<proxy::OwnAnswer> answer_internal(std::string_view method, std::string_view path) {
  const bool health = path == "/internal/health";
  if (!health && path != "/version") return std::nullopt;
  if (method != "GET" && method != "HEAD") {
    proxy::OwnAnswer refused =
        proxy::make_error(405, "method_not_allowed", "This document is read with GET or HEAD.");
    refused.extra_fields = "Allow: GET, HEAD\r\n";
    return refused;
  }
  // Says that the gateway itself runs, whatever its endpoints do; the bytes are Olla's.
  if (health) return proxy::OwnAnswer{200, R"({"status":"healthy"})", {}};
  return proxy::OwnAnswer{200, version_document(), {}};
}

}  // namespace olla::admin
