#include "proxy/fleet_answers.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "config/ascii.h"
#include "http/gzip.h"
#include "http/path.h"
#include "net/background.h"
#include "proxy/answer.h"
#include "proxy/fan_out.h"
#include "proxy/model_lists.h"
#include "vllm/exposition.h"
#include "vllm/health_document.h"
#include "vllm/models_document.h"

namespace olla::proxy {
namespace {

using fleet::EndpointView;
using Endpoints = std::vector<const EndpointView*>;

constexpr std::string_view kModelPrefix = "/v1/models/";

constexpr std::size_t kNamesMax = 20;

// The answer is a number; an endpoint that takes longer is not worth the wait.
constexpr std::chrono::seconds kLoadLimit{2};

double seconds_since(TimePoint then, TimePoint now) {
  return std::chrono::duration<double>(now - then).count();
}

OwnAnswer health_answer(const Endpoints& endpoints, TimePoint now) {
  std::vector<vllm::EndpointHealth> parts;
  for (const EndpointView* view : endpoints) {
    vllm::EndpointHealth& part = parts.emplace_back();
    part.name = view->endpoint->config.name;
    part.healthy = view->condition() == fleet::Condition::kReady;
    part.status = fleet::to_string(view->condition());
    if (view->models) part.models = view->models->ids;
    part.version = view->version;
    if (view->figures) {
      part.state = &view->figures->state;
      part.age_seconds = seconds_since(view->figures->read_at, now);
    }
  }
  vllm::HealthDocument document = vllm::health_document(parts);
  return {document.status, std::move(document.body)};
}

/// Made on another thread: the metrics of a large fleet are megabytes.
net::Awaitable<OwnAnswer> metrics_answer(Services& services,
                                         std::shared_ptr<const fleet::Snapshot> snapshot,
                                         std::string endpoint, bool zipped) {
  MetricsPages& pages = services.shared.metrics_pages;
  auto work = [&pages, snapshot, endpoint, zipped] {
    return pages.page(*snapshot, endpoint, zipped, Clock::now());
  };
  OwnAnswer own;
  own.content_type = vllm::kExpositionType;
  own.extra_fields = "Vary: Accept-Encoding\r\n";
  if (zipped) own.extra_fields += "Content-Encoding: gzip\r\n";
  own.shared_body = co_await net::run_on(services.background, services.io, std::move(work));
  co_return own;
}

/// The id in a target whose decoded path begins with kModelPrefix.
std::optional<std::string> model_id_of(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.starts_with(kModelPrefix))
    return vllm::model_id_of_path(path.substr(kModelPrefix.size()));
  // The client escaped more than the id.
  std::string id = http::plain_path(path).substr(kModelPrefix.size());
  if (id.find('\0') != std::string::npos) return std::nullopt;
  return id;
}

OwnAnswer model_answer(const std::vector<vllm::FleetModel>& models, const std::string& id) {
  const vllm::FleetModel* found = vllm::served_model(id, models);
  if (found != nullptr) return {200, vllm::model_document(*found)};
  std::vector<std::string> ids;
  ids.reserve(models.size());
  for (const vllm::FleetModel& model : models)
    ids.push_back(model.entry.id);
  return {404, vllm::unknown_model_error(id, ids)};
}

/// Made on another thread: a list of ten thousand models takes tens of milliseconds.
net::Awaitable<OwnAnswer> models_answer(Services& services,
                                        std::shared_ptr<const fleet::Snapshot> snapshot,
                                        Endpoints endpoints, std::optional<std::string> id) {
  const std::vector<config::ModelAlias>& aliases = services.config.model_aliases;
  auto make = [snapshot, endpoints, id, &aliases] {
    const std::vector<vllm::FleetModel> models = models_of(*snapshot, endpoints, aliases);
    return id ? model_answer(models, *id) : OwnAnswer{200, vllm::models_document(models)};
  };
  OwnAnswer own = co_await answer_in_background(services, std::move(make));
  co_return own;
}

net::Awaitable<OwnAnswer> model_answer(Services& services,
                                       std::shared_ptr<const fleet::Snapshot> snapshot,
                                       Endpoints endpoints, std::string_view target) {
  std::optional<std::string> id = model_id_of(target);
  if (!id) co_return make_error(400, "invalid_path", "The path has no model id that can be read.");
  OwnAnswer own = co_await models_answer(services, std::move(snapshot), std::move(endpoints), id);
  co_return own;
}

net::Awaitable<OwnAnswer> native_answer(Services& services,
                                        std::shared_ptr<const fleet::Snapshot> snapshot,
                                        routing::Provider provider) {
  auto make = [&services, snapshot, provider] {
    return OwnAnswer{200, native_list(services, *snapshot, provider)};
  };
  OwnAnswer own = co_await answer_in_background(services, std::move(make));
  co_return own;
}

/// The `server_load` of an answer of /load; 0 when it says nothing of the kind.
std::uint64_t load_in(const FanOutAnswer& part) {
  static constexpr std::string_view kKey = "\"server_load\":";
  if (!part.answer || part.answer->status != 200) return 0;
  const std::string& body = part.answer->body;
  const std::size_t at = body.find(kKey);
  if (at == std::string::npos) return 0;
  std::uint64_t load = 0;
  for (std::size_t i = body.find_first_not_of(' ', at + kKey.size());
       i < body.size() && body[i] >= '0' && body[i] <= '9' && load < 1'000'000'000; ++i)
    load = load * 10 + static_cast<std::uint64_t>(body[i] - '0');
  return load;
}

net::Awaitable<OwnAnswer> load_answer(Services& services,
                                      std::shared_ptr<const fleet::Snapshot> snapshot,
                                      const Endpoints& endpoints) {
  std::vector<EndpointId> asked;
  for (const EndpointView* view : endpoints) {
    if (view->health == fleet::Health::kHealthy) asked.push_back(view->endpoint->id);
  }
  FanOutQuestion question;
  question.path = "/load";
  question.limit = kLoadLimit;
  const std::vector<FanOutAnswer> answers =
      co_await ask_all(services, std::move(snapshot), std::move(asked), std::move(question));
  std::uint64_t load = 0;
  for (const FanOutAnswer& part : answers)
    load += load_in(part);
  co_return OwnAnswer{200, "{\"server_load\":" + std::to_string(load) + "}"};
}

/// Adds the aliases of what is in `names`.
void add_aliases(std::span<const config::ModelAlias> aliases, std::set<std::string>& names) {
  if (aliases.empty()) return;
  std::unordered_set<std::string> lower;
  for (const std::string& name : names)
    lower.insert(config::lower_ascii(name));
  for (const config::ModelAlias& alias : aliases) {
    const bool can_be_had = std::any_of(
        alias.models.begin(), alias.models.end(),
        [&lower](const std::string& model) { return lower.contains(config::lower_ascii(model)); });
    if (can_be_had) names.insert(alias.name);
  }
}

bool takes_method(FleetDocument document, std::string_view method) {
  if (document == FleetDocument::kPing && method == "POST") return true;  // As vLLM has it.
  return method == "GET" || method == "HEAD";
}

/// What every answer for a vLLM endpoint carries, as far as it is known of several.
void add_fleet_fields(const Endpoints& endpoints, OwnAnswer& own) {
  own.extra_fields += "X-Olla-Backend-Type: vllm\r\n";
  if (!endpoints.empty()) own.extra_fields += "X-Olla-Endpoint: " + names_of(endpoints) + "\r\n";
}

}  // namespace

std::optional<FleetDocument> fleet_document(routing::Provider provider, std::string_view path) {
  if (path == "/v1/models" || path == kModelPrefix) return FleetDocument::kModels;
  if (path.starts_with(kModelPrefix)) return FleetDocument::kModel;
  if (const config::Profile* profile = provider.profile()) {
    const bool is_openai = profile->model_list == config::ModelListFormat::kOpenAi;
    if (path == profile->models_path)
      return is_openai ? FleetDocument::kModels : FleetDocument::kNativeModels;
    // LM Studio has OpenAI's list here too.
    if (profile->model_list == config::ModelListFormat::kLmStudio && path == "/api/v1/models")
      return FleetDocument::kModels;
  }
  if (!provider.is_vllm()) return std::nullopt;
  if (path == "/health") return FleetDocument::kHealth;
  if (path == "/ping") return FleetDocument::kPing;
  if (path == "/metrics") return FleetDocument::kMetrics;
  if (path == "/load") return FleetDocument::kLoad;
  return std::nullopt;
}

net::Awaitable<OwnAnswer> answer_document(Services& services, routing::Provider provider,
                                          FleetDocument document, const http::RequestHead& head,
                                          std::string_view target) {
  if (!takes_method(document, head.method)) {
    OwnAnswer refused =
        make_error(405, "method_not_allowed", "This document is read with GET or HEAD.");
    refused.extra_fields =
        document == FleetDocument::kPing ? "Allow: GET, HEAD, POST\r\n" : "Allow: GET, HEAD\r\n";
    co_return refused;
  }
  const std::shared_ptr<const fleet::Snapshot> snapshot = services.snapshot;
  Endpoints endpoints = endpoints_of(*snapshot, provider);
  const auto name = http::query_parameter(target, "endpoint");
  if (name) {
    const EndpointView* wanted = find_endpoint(endpoints, *name);
    if (wanted == nullptr) co_return no_such_endpoint_answer(endpoints, *name);
    endpoints = {wanted};
  }
  OwnAnswer own;
  switch (document) {
    case FleetDocument::kHealth:
      own = health_answer(endpoints, Clock::now());
      break;
    case FleetDocument::kPing:
      own = health_answer(endpoints, Clock::now());
      own.body.clear();
      own.content_type = {};
      break;
    case FleetDocument::kMetrics:
      own = co_await metrics_answer(services, snapshot, name.value_or(""),
                                    http::accepts_gzip(head.fields));
      break;
    case FleetDocument::kModels:
      own = co_await models_answer(services, snapshot, endpoints, std::nullopt);
      break;
    case FleetDocument::kModel:
      own = co_await model_answer(services, snapshot, endpoints, target);
      break;
    case FleetDocument::kNativeModels:
      own = co_await native_answer(services, snapshot, provider);
      break;
    case FleetDocument::kLoad:
      own = co_await load_answer(services, snapshot, endpoints);
      break;
  }
  if (provider.is_vllm()) add_fleet_fields(endpoints, own);
  co_return own;
}

OwnAnswer unknown_model_answer(const fleet::Snapshot& snapshot, routing::Provider provider,
                               std::span<const config::ModelAlias> aliases, std::string_view model,
                               vllm::ErrorShape shape) {
  std::set<std::string> names;
  for (const EndpointView* view : endpoints_of(snapshot, provider)) {
    if (view->models) names.insert(view->models->ids.begin(), view->models->ids.end());
  }
  add_aliases(aliases, names);
  const std::vector<std::string> served(names.begin(), names.end());
  constexpr std::string_view kCode = "model_not_found";
  OwnAnswer own{404, vllm::unknown_model_error(model, served, shape, kCode)};
  own.code = kCode;
  return own;
}

OwnAnswer guarded_route_answer(std::string_view path) {
  constexpr std::size_t kPathShownMax = 100;
  const std::string shown(path.substr(0, kPathShownMax));
  return make_error(403, "route_not_allowed",
                    "The route " + shown +
                        " changes or exposes a server, or is not known. The gateway passes it on "
                        "only when vllm.admin_routes in its configuration lists it.",
                    vllm::error_shape_of(path));
}

std::vector<const EndpointView*> endpoints_of(const fleet::Snapshot& snapshot,
                                              routing::Provider provider) {
  std::vector<const EndpointView*> endpoints;
  for (const EndpointView& view : snapshot.endpoints) {
    if (provider.serves(view)) endpoints.push_back(&view);
  }
  return endpoints;
}

const EndpointView* find_endpoint(std::span<const EndpointView* const> endpoints,
                                  std::string_view name) {
  const auto found = std::find_if(endpoints.begin(), endpoints.end(), [name](const auto* view) {
    return view->endpoint->config.name == name;
  });
  return found == endpoints.end() ? nullptr : *found;
}

OwnAnswer no_such_endpoint_answer(std::span<const EndpointView* const> endpoints,
                                  std::string_view name) {
  constexpr std::size_t kNameShownMax = 100;
  return make_error(404, "endpoint_not_found",
                    "No endpoint is named \"" + std::string(name.substr(0, kNameShownMax)) +
                        "\". There are: " + names_of(endpoints) + ".");
}

std::string names_of(std::span<const EndpointView* const> endpoints) {
  std::string names;
  for (std::size_t i = 0; i < std::min(endpoints.size(), kNamesMax); ++i)
    names.append(i == 0 ? "" : ", ").append(endpoints[i]->endpoint->config.name);
  if (endpoints.size() > kNamesMax) names += ", ...";
  return names;
}

}  // namespace olla::proxy
