#include "admin/models_pages.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/conditional.h"
#include "admin/models_document.h"
#include "http/path.h"
#include "models/query.h"
#include "proxy/answer.h"
#include "proxy/model_lists.h"
#include "proxy/refresh.h"
#include "vllm/models_document.h"

namespace olla::admin {
namespace {

using proxy::InternalRequest;
using proxy::OwnAnswer;
using proxy::Services;
using Snapshot = std::shared_ptr<const fleet::Snapshot>;
using Answer = net::Awaitable<OwnAnswer>;

constexpr std::string_view kModelPrefix = "/olla/models/";

// What a client wrote, in an error.
constexpr std::size_t kShownMax = 100;

OwnAnswer error(int status, std::string_view code, const std::string& message) {
  return proxy::make_error(status, code, message);
}

/// The catalogue of the whole fleet; on the background thread.
std::shared_ptr<const models::Catalogue> catalogue_of(Services& services,
                                                      const Snapshot& snapshot) {
  return services.shared.catalogues.of(*snapshot, routing::Provider::any(), services.config);
}

/// Puts the endpoint's name in the place of its URL; false when no endpoint is called so.
bool resolve_endpoint(const models::Catalogue& catalogue, models::Query& query) {
  if (!query.endpoint) return true;
  for (const models::Source& source : catalogue.sources) {
    if (source.endpoint != *query.endpoint && source.url != *query.endpoint) continue;
    query.endpoint = source.endpoint;
    return true;
  }
  return false;
}

OwnAnswer list_answer(Services& services, const Snapshot& snapshot, models::Query query) {
  const auto catalogue = catalogue_of(services, snapshot);
  if (!resolve_endpoint(*catalogue, query)) {
    return error(
        404, "endpoint_not_found",
        "No endpoint has the name or URL \"" + query.endpoint->substr(0, kShownMax) + "\".");
  }
  return {200, models::list_document(*catalogue, select(*catalogue, query), query.shape)};
}

OwnAnswer details_answer(Services& services, const Snapshot& snapshot, const std::string& id) {
  const auto catalogue = catalogue_of(services, snapshot);
  const models::Model* model = models::find_model(*catalogue, id);
  if (model == nullptr) {
    return error(404, "model_not_found",
                 "No endpoint has a model with the id or alias \"" + id.substr(0, kShownMax) +
                     "\". /olla/models lists those that there are.");
  }
  return json_answer(model_details(*catalogue, *model, Moment::present()));
}

OwnAnswer status_answer(Services& services, const Snapshot& snapshot, bool grouped,
                        std::span<const http::Field> fields) {
  const auto catalogue = catalogue_of(services, snapshot);
  std::vector<NamedUrl> urls;
  for (const models::Source& source : catalogue->sources)
    urls.push_back({source.endpoint, source.url});
  return conditional_answer(
      models_status(*catalogue, endpoint_ids(urls), grouped, Moment::present()), fields);
}

}  // namespace

Answer list_all_models(Services& services, const InternalRequest& request) {
  const std::string_view target = request.target;
  auto query = models::parse_query(
      [target](std::string_view name) { return http::query_parameter(target, name); });
  if (!query) co_return error(400, "invalid_parameter", query.error().detail);
  const Snapshot snapshot = services.snapshot;
  auto make = [&services, snapshot, wanted = *query] {
    return list_answer(services, snapshot, wanted);
  };
  OwnAnswer own = co_await proxy::answer_in_background(services, std::move(make));
  co_return own;
}

Answer show_model(Services& services, const InternalRequest& request) {
  const std::string_view segment = request.path.substr(kModelPrefix.size());
  if (segment.empty())
    co_return error(400, "model_required", "The path needs a model's id or alias at its end.");
  const auto id = vllm::model_id_of_path(segment);
  if (!id) co_return error(400, "invalid_path", "The path has no model id that can be read.");
  const Snapshot snapshot = services.snapshot;
  auto make = [&services, snapshot, wanted = *id] {
    return details_answer(services, snapshot, wanted);
  };
  OwnAnswer own = co_await proxy::answer_in_background(services, std::move(make));
  co_return own;
}

Answer show_models_status(Services& services, const InternalRequest& request) {
  const bool grouped = http::query_parameter(request.target, "detailed") == "true" &&
                       http::query_parameter(request.target, "group") == "family";
  const Snapshot snapshot = services.snapshot;
  const std::span<const http::Field> fields = request.head.fields;
  auto make = [&services, snapshot, grouped, fields] {
    return status_answer(services, snapshot, grouped, fields);
  };
  OwnAnswer own = co_await proxy::answer_in_background(services, std::move(make));
  co_return own;
}

Answer refresh_discovery(Services& services, const InternalRequest& /*request*/) {
  const TimePoint began = Clock::now();
  const std::vector<proxy::ListReading> readings = co_await proxy::refresh_models(services);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  Json endpoints = Json::array();
  for (const proxy::ListReading& reading : readings) {
    const fleet::EndpointView& view = services.snapshot->endpoints[reading.endpoint.value()];
    Json one = {{"name", view.endpoint->config.name},
                {"status", to_string(reading.outcome)},
                {"models", reading.models}};
    if (!reading.reason.empty()) one["reason"] = reading.reason;
    endpoints.push_back(std::move(one));
  }
  Json document = {{"duration_ms", took.count()}, {"endpoints", std::move(endpoints)}};
  co_return json_answer(document);
}

}  // namespace olla::admin
