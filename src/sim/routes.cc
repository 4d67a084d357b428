#include "sim/routes.h"

#include <algorithm>
#include <array>

namespace olla::sim {
namespace {

constexpr std::uint8_t bits(Service service) {
  return static_cast<std::uint8_t>(service);
}

constexpr std::uint8_t kGenerate = bits(Service::kGenerate);
constexpr std::uint8_t kEmbed = bits(Service::kEmbed);
constexpr std::uint8_t kClassify = bits(Service::kRerank) | bits(Service::kClassify);
constexpr std::uint8_t kScore = kEmbed | bits(Service::kRerank);
constexpr std::uint8_t kPool = kEmbed | kClassify;
constexpr std::uint8_t kTranscribe = bits(Service::kTranscribe);
constexpr std::uint8_t kAll = bits(Service::kAll);

constexpr Presence kAlways = Presence::kAlways;
constexpr Presence kNew = Presence::kNew;
constexpr Presence kDev = Presence::kDev;
constexpr Presence kLora = Presence::kLora;
constexpr Presence kScaleOut = Presence::kScaleOut;

constexpr std::string_view kResponses = "/v1/responses/";
constexpr std::string_view kResponse = "/v1/responses/{response_id}";
constexpr std::string_view kCancel = "/v1/responses/{response_id}/cancel";
constexpr std::string_view kRender = "/v1/responses/render";
constexpr std::string_view kCancelEnd = "/cancel";

constexpr auto kRoutes = std::to_array<Route>({
    {"/health", "GET", kAll, kAlways, {}},
    {"/ping", "GET, POST", kAll, kAlways, {}},
    {"/version", "GET", kAll, kAlways, {}},
    {"/load", "GET", kAll, kAlways, {}},
    {"/metrics", "GET", kAll, kAlways, {}},
    {"/v1/models", "GET", kAll, kAlways, {}},
    {"/v1/chat/completions", "POST", kGenerate, kAlways, "Chat Completions"},
    {"/v1/chat/completions/batch", "POST", kGenerate, kNew, {}},
    {"/v1/completions", "POST", kGenerate, kAlways, "Completions"},
    {"/v1/messages", "POST", kGenerate, kNew, {}},
    {"/v1/messages/count_tokens", "POST", kGenerate, kNew, {}},
    {"/v1/responses", "POST", kGenerate, kAlways, "Responses"},
    {kResponse, "GET", kGenerate, kAlways, "Responses"},
    {kCancel, "POST", kGenerate, kAlways, "Responses"},
    {"/v1/embeddings", "POST", kEmbed, kAlways, "Embeddings"},
    {"/score", "POST", kScore, kAlways, "Score"},
    {"/v1/score", "POST", kScore, kAlways, "Score"},
    {"/rerank", "POST", kScore, kAlways, "Rerank (Score)"},
    {"/v1/rerank", "POST", kScore, kAlways, "Rerank (Score)"},
    {"/v2/rerank", "POST", kScore, kAlways, "Rerank (Score)"},
    {"/classify", "POST", kClassify, kAlways, "Classification"},
    {"/pooling", "POST", kPool, kAlways, "Pooling"},
    {"/v1/audio/transcriptions", "POST", kTranscribe, kAlways, "Transcriptions"},
    {"/tokenize", "POST", kAll, kAlways, {}},
    {"/detokenize", "POST", kAll, kAlways, {}},
    {"/invocations", "POST", kAll, kAlways, {}},
    {"/docs", "GET, HEAD", kAll, kAlways, {}},
    {"/redoc", "GET, HEAD", kAll, kAlways, {}},
    {"/openapi.json", "GET, HEAD", kAll, kAlways, {}},
    {"/kv_event_sources", "GET", kAll, kNew, {}},
    {"/v1/systemone", "POST", kAll, kNew, {}},
    {"/v2/embed", "POST", kEmbed, kNew, {}},
    {"/generative_scoring", "POST", kGenerate, kNew, {}},
    {"/inference/v1/generate", "POST", kGenerate, kScaleOut, {}},
    {"/inference/v1/abort_requests", "POST", kGenerate, kScaleOut, {}},
    {"/v1/chat/completions/render", "POST", kGenerate, kScaleOut, {}},
    {"/v1/chat/completions/derender", "POST", kGenerate, kScaleOut, {}},
    {"/v1/completions/render", "POST", kGenerate, kScaleOut, {}},
    {"/v1/completions/derender", "POST", kGenerate, kScaleOut, {}},
    {"/v1/messages/render", "POST", kGenerate, kScaleOut, {}},
    {kRender, "POST", kGenerate, kScaleOut, {}},
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
    {"/reset_mm_cache", "POST", kAll, kDev, {}},
    {"/reset_encoder_cache", "POST", kAll, kDev, {}},
    {"/get_world_size", "GET", kAll, kDev, {}},
    {"/v1/load_lora_adapter", "POST", kAll, kLora, {}},
    {"/v1/unload_lora_adapter", "POST", kAll, kLora, {}},
});

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool exists(const Route& route, const RouteRules& rules) {
  switch (route.presence) {
    case Presence::kAlways:
      return true;
    case Presence::kNew:
    case Presence::kScaleOut:
      return rules.dialect == Dialect::kNew;
    case Presence::kDev:
      return rules.dev_mode;
    case Presence::kLora:
      break;
  }
  return rules.lora_updating;
}

}  // namespace

const Route* find_route(std::string_view path, const RouteRules& rules) {
  if (path.starts_with(kResponses) && path != kRender) {
    const std::string_view id = response_id(path);
    if (id.empty() || id.find('/') != std::string_view::npos) return nullptr;
    path = path.size() == kResponses.size() + id.size() ? kResponse : kCancel;
  }
  const auto* const at = std::find_if(kRoutes.begin(), kRoutes.end(),
                                      [path](const Route& route) { return route.path == path; });
  if (at == kRoutes.end()) return nullptr;
  return exists(*at, rules) ? at : nullptr;
}

std::string_view response_id(std::string_view path) {
  std::string_view id = path.substr(kResponses.size());
  if (id.ends_with(kCancelEnd)) id.remove_suffix(kCancelEnd.size());
  return id;
}

std::optional<Service> service_of(std::string_view name) {
  constexpr auto kNames = std::to_array<std::pair<std::string_view, Service>>({
      {"generate", Service::kGenerate},
      {"embed", Service::kEmbed},
      {"rerank", Service::kRerank},
      {"classify", Service::kClassify},
      {"transcribe", Service::kTranscribe},
      {"all", Service::kAll},
  });
  const auto* const at = std::find_if(kNames.begin(), kNames.end(),
                                      [name](const auto& each) { return each.first == name; });
  return at == kNames.end() ? std::nullopt : std::optional<Service>(at->second);
}

bool serves(Service service, const Route& route) {
  return (route.services & bits(service)) != 0;
}

std::vector<const Route*> served_routes(Service service, const RouteRules& rules) {
  std::vector<const Route*> out;
  for (const Route& route : kRoutes) {
    if (exists(route, rules) && serves(service, route) && !route.path.starts_with("/sim/")) {
      out.push_back(&route);
    }
  }
  return out;
}

bool allows(const Route& route, std::string_view method) {
  std::string_view rest = route.allow;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, comma) == method) return true;
    rest.remove_prefix(std::min(comma + 2, rest.size()));
  }
  return false;
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
