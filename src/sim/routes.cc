#include "sim/routes.h"

#include <algorithm>
#include <array>

namespace olla::sim {
namespace {

constexpr Service kGenerate = Service::kGenerate;
constexpr Service kEmbed = Service::kEmbed;
constexpr Service kTranscribe = Service::kTranscribe;
constexpr Service kAll = Service::kAll;

constexpr Presence kAlways = Presence::kAlways;
constexpr Presence kNew = Presence::kNew;
constexpr Presence kDev = Presence::kDev;
constexpr Presence kLora = Presence::kLora;

constexpr std::string_view kResponses = "/v1/responses/";
constexpr std::string_view kResponse = "/v1/responses/{response_id}";
constexpr std::string_view kCancel = "/v1/responses/{response_id}/cancel";
constexpr std::string_view kCancelEnd = "/cancel";

constexpr auto kRoutes = std::to_array<Route>({
    {"/health", "GET", kAll, kAlways, {}},
    {"/ping", "GET, POST", kAll, kAlways, {}},
    {"/version", "GET", kAll, kAlways, {}},
    {"/load", "GET", kAll, kAlways, {}},
    {"/metrics", "GET", kAll, kAlways, {}},
    {"/v1/models", "GET", kAll, kAlways, {}},
    {"/v1/chat/completions", "POST", kGenerate, kAlways, "Chat Completions"},
    {"/v1/completions", "POST", kGenerate, kAlways, "Completions"},
    {"/v1/messages", "POST", kGenerate, kNew, {}},
    {"/v1/messages/count_tokens", "POST", kGenerate, kNew, {}},
    {"/v1/responses", "POST", kGenerate, kAlways, "Responses"},
    {kResponse, "GET", kGenerate, kAlways, "Responses"},
    {kCancel, "POST", kGenerate, kAlways, "Responses"},
    {"/v1/embeddings", "POST", kEmbed, kAlways, "Embeddings"},
    {"/score", "POST", kEmbed, kAlways, "Score"},
    {"/v1/score", "POST", kEmbed, kAlways, "Score"},
    {"/rerank", "POST", kEmbed, kAlways, "Rerank (Score)"},
    {"/v1/rerank", "POST", kEmbed, kAlways, "Rerank (Score)"},
    {"/v2/rerank", "POST", kEmbed, kAlways, "Rerank (Score)"},
    {"/classify", "POST", kEmbed, kAlways, "Classification"},
    {"/pooling", "POST", kEmbed, kAlways, "Pooling"},
    {"/v1/audio/transcriptions", "POST", kTranscribe, kAlways, "Transcriptions"},
    {"/tokenize", "POST", kAll, kAlways, {}},
    {"/detokenize", "POST", kAll, kAlways, {}},
    // No vLLM has these: they make one fall ill.
    {"/sim/faults", "GET, POST", kAll, kAlways, {}},
    {"/sim/drain", "POST", kAll, kAlways, {}},
    {"/sim/hang", "POST", kAll, kAlways, {}},
    {"/sim/kill_engine", "POST", kAll, kAlways, {}},
    {"/sleep", "POST", kAll, kDev, {}},
    {"/wake_up", "POST", kAll, kDev, {}},
    {"/is_sleeping", "GET", kAll, kDev, {}},
    {"/pause", "POST", kAll, kDev, {}},
    {"/resume", "POST", kAll, kDev, {}},
    {"/is_paused", "GET", kAll, kDev, {}},
    {"/abort_requests", "POST", kAll, kDev, {}},
    {"/reset_prefix_cache", "POST", kAll, kDev, {}},
    {"/server_info", "GET", kAll, kDev, {}},
    {"/v1/load_lora_adapter", "POST", kAll, kLora, {}},
    {"/v1/unload_lora_adapter", "POST", kAll, kLora, {}},
});

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const Route* find_route(std::string_view path, const RouteRules& rules) {
  if (path.starts_with(kResponses)) {
    const std::string_view id = response_id(path);
    if (id.empty() || id.find('/') != std::string_view::npos) return nullptr;
    path = path.size() == kResponses.size() + id.size() ? kResponse : kCancel;
  }
  const auto* const at = std::find_if(kRoutes.begin(), kRoutes.end(),
                                      [path](const Route& route) { return route.path == path; });
  if (at == kRoutes.end()) return nullptr;
  if (at->presence == kNew && rules.dialect == Dialect::kOld) return nullptr;
  if (at->presence == kDev && !rules.dev_mode) return nullptr;
  if (at->presence == kLora && !rules.lora_updating) return nullptr;
  return at;
}

std::string_view response_id(std::string_view path) {
  std::string_view id = path.substr(kResponses.size());
  if (id.ends_with(kCancelEnd)) id.remove_suffix(kCancelEnd.size());
  return id;
}

bool serves(Service service, const Route& route) {
  return service == Service::kAll || route.service == Service::kAll || route.service == service;
}

bool allows(const Route& route, std::string_view method) {
  if (route.allow == "GET, POST") return method == "GET" || method == "POST";
  return method == route.allow;
}

std::string decoded_path(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (!target.starts_with('/') && scheme != std::string_view::npos) {
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const bool encoded = target[i] == '%' && target.size() - i > 2;
    const int high = encoded ? hex_digit(target[i + 1]) : -1;
    const int low = encoded ? hex_digit(target[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      path += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      path += target[i];
    }
  }
  return path;
}

}  // namespace olla::sim
