#include "proxy/admin_routes.h"

#include <algorithm>
#include <set>

#include "http/forward.h"
#include "http/path.h"
#include "openai/request.h"
#include "proxy/answer.h"
#include "proxy/fan_out.h"
#include "proxy/fleet_answers.h"

namespace olla::proxy {
namespace {

using fleet::EndpointView;
using Endpoints = std::vector<const EndpointView*>;

constexpr std::string_view kLoadAdapter = "/v1/load_lora_adapter";
constexpr std::string_view kUnloadAdapter = "/v1/unload_lora_adapter";

/// The endpoints with a model for which `wanted` is true.
template <class Wanted>
Endpoints with_model(const Endpoints& endpoints, Wanted wanted) {
  Endpoints found;
  for (const EndpointView* view : endpoints) {
    if (!view->models) continue;
    const auto& entries = view->models->entries;
    if (std::any_of(entries.begin(), entries.end(), wanted)) found.push_back(view);
  }
  return found;
}

/// The models that an adapter could be for: those that are no adapters themselves.
std::set<std::string> base_models(const EndpointView& view) {
  std::set<std::string> names;
  if (!view.models) return names;
  for (const vllm::ModelEntry& entry : view.models->entries) {
    if (!entry.parent) names.insert(entry.id);
  }
  return names;
}

/// Whether some model is served by all of them.
bool share_a_model(const Endpoints& endpoints) {
  std::set<std::string> shared;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const std::set<std::string> names = base_models(*endpoints[i]);
    if (i == 0) shared = names;
    std::erase_if(shared, [&names](const std::string& name) { return !names.contains(name); });
  }
  return !shared.empty();
}

AdminPlan refused(OwnAnswer answer) {
  AdminPlan plan;
  plan.refusal = std::move(answer);
  return plan;
}

AdminPlan together(const Endpoints& endpoints) {
  AdminPlan plan;
  plan.together = true;
  for (const EndpointView* view : endpoints)
    plan.endpoints.push_back(view->endpoint->id);
  return plan;
}

AdminPlan plan_adapter(const Endpoints& all, const AdminRequest& request) {
  if (request.head.method != "POST") {
    OwnAnswer answer = make_error(405, "method_not_allowed", "Adapters are changed with POST.");
    answer.extra_fields = "Allow: POST\r\n";
    return refused(std::move(answer));
  }
  Endpoints ready;
  std::copy_if(all.begin(), all.end(), std::back_inserter(ready), [](const EndpointView* view) {
    return view->condition() == fleet::Condition::kReady;
  });
  if (ready.empty())
    return refused(make_error(503, "no_healthy_endpoint", "No endpoint is healthy."));
  if (const auto model = http::query_parameter(request.target, "model")) {
    const Endpoints serving =
        with_model(ready, [&model](const auto& entry) { return entry.id == *model; });
    if (!serving.empty()) return together(serving);
    return refused(make_error(404, "model_not_found",
                              "No healthy endpoint serves the model that ?model= names."));
  }
  const std::string adapter = openai::text_member(request.body, "lora_name").value_or("");
  if (request.path == kUnloadAdapter) {
    const Endpoints loaded = with_model(ready, [&adapter](const auto& entry) {
      return entry.id == adapter && entry.parent.has_value();
    });
    if (!loaded.empty()) return together(loaded);
  }
  if (share_a_model(ready)) return together(ready);
  return refused(make_error(400, "base_model_needed",
                            "The endpoints serve different models: name the base model of the "
                            "adapter with ?model=, or one endpoint with ?endpoint=. There are: " +
                                names_of(ready) + "."));
}

std::vector<config::Header> headers_of(const std::vector<http::Field>& fields) {
  std::vector<config::Header> headers;
  headers.reserve(fields.size());
  for (const http::Field& field : fields)
    headers.push_back({std::string(field.name), std::string(field.value)});
  return headers;
}

}  // namespace

bool changes_models(std::string_view path) {
  return path == kLoadAdapter || path == kUnloadAdapter;
}

AdminPlan plan_admin_request(const fleet::Snapshot& snapshot, const AdminRequest& request) {
  const Endpoints all = endpoints_of(snapshot, request.provider);
  if (const auto name = http::query_parameter(request.target, "endpoint")) {
    const EndpointView* wanted = find_endpoint(all, *name);
    if (wanted == nullptr) return refused(no_such_endpoint_answer(all, *name));
    AdminPlan plan;
    plan.endpoints = {wanted->endpoint->id};
    return plan;
  }
  if (changes_models(request.path)) return plan_adapter(all, request);
  if (all.size() == 1) {
    AdminPlan plan;
    plan.endpoints = {all.front()->endpoint->id};
    return plan;
  }
  return refused(make_error(
      400, "endpoint_needed",
      "Name the endpoint that is meant with ?endpoint=. There are: " + names_of(all) + "."));
}

net::Awaitable<OwnAnswer> ask_together(Services& services, AdminPlan plan,
                                       const AdminRequest& request) {
  const std::shared_ptr<const fleet::Snapshot> snapshot = services.snapshot;
  FanOutQuestion question;
  question.method = "POST";
  question.path = request.path;
  question.body = request.body;
  question.headers =
      headers_of({{"X-Olla-Request-ID", request.request_id}, {"X-Request-Id", request.request_id}});
  question.credentials = headers_of(http::client_credentials(request.head));
  question.limit = services.config.proxy.response_header_timeout;
  const std::vector<FanOutAnswer> answers =
      co_await ask_all(services, snapshot, std::move(plan.endpoints), std::move(question));
  services.findings.models_in_doubt();
  OwnAnswer own;
  own.body = "{\"object\":\"list\",\"data\":[";
  for (const FanOutAnswer& part : answers) {
    const int status = part.answer ? part.answer->status : 502;
    const std::string& said = part.answer ? part.answer->body : part.answer.error().detail;
    if (own.status == 200 && status != 200) own.status = status;
    const std::string& name = snapshot->endpoints[part.endpoint.value()].endpoint->config.name;
    if (own.body.back() == '}') own.body += ',';
    own.body += "{\"endpoint\":" + openai::json_quoted(name) +
                ",\"status\":" + std::to_string(status) +
                ",\"answer\":" + openai::json_quoted(said) + "}";
  }
  own.body += "]}";
  co_return own;
}

}  // namespace olla::proxy
