#include "proxy/messages_route.h"

#include <algorithm>
#include <string>
#include <vector>

#include "http/forward.h"
#include "http/path.h"
#include "proxy/answer.h"
#include "proxy/fleet_answers.h"
#include "proxy/model_lists.h"
#include "vllm/messages_models.h"

namespace olla::proxy {
namespace {

constexpr std::string_view kModels = "/v1/models";
constexpr std::string_view kModelPrefix = "/v1/models/";

constexpr vllm::ErrorShape kShape = vllm::ErrorShape::kAnthropic;

OwnAnswer wrong_method(std::string_view allowed) {
  OwnAnswer own = make_error(405, "method_not_allowed",
                             "This route takes " + std::string(allowed) + ".", kShape);
  own.extra_fields = "Allow: " + std::string(allowed) + "\r\n";
  return own;
}

OwnAnswer too_large(const config::Anthropic& rules) {
  return make_error(413, "request_too_large",
                    "The request has more than the " + std::to_string(rules.max_message_size) +
                        " bytes that a message may have.",
                    kShape);
}

/// The models that a client of the Messages API can use.
OwnAnswer models_answer(const Services& services, const Destination& destination) {
  const fleet::Snapshot& snapshot = *services.snapshot;
  const std::vector<vllm::FleetModel> models = models_of(
      snapshot, endpoints_of(snapshot, destination.provider), services.config.model_aliases);
  if (destination.path == kModels) {
    const auto parameter = [&destination](std::string_view name) {
      return http::query_parameter(destination.target, name);
    };
    const auto page =
        vllm::models_page_of(parameter("limit"), parameter("after_id"), parameter("before_id"));
    if (!page) {
      return make_error(400, "invalid_parameter", "limit: must be a number from 1 to 1000", kShape);
    }
    return {200, vllm::messages_models_document(models, *page)};
  }
  const std::string_view id = std::string_view(destination.path).substr(kModelPrefix.size());
  const vllm::FleetModel* model = vllm::served_model(id, models);
  if (model != nullptr) return {200, vllm::messages_model_document(*model)};
  return make_error(404, "model_not_found",
                    "model: " + std::string(vllm::shortened(id)) + " does not exist", kShape);
}

}  // namespace

std::optional<OwnAnswer> refuse_large_message(const config::Config& config,
                                              const http::RequestHead& head) {
  const std::string_view path = http::origin_form(head.target).value_or("");
  if (!path.starts_with("/olla/anthropic/") || head.framing != http::Framing::kLength ||
      head.content_length <= config.anthropic.max_message_size)
    return std::nullopt;
  return too_large(config.anthropic);
}

std::optional<OwnAnswer> answer_messages_route(const Services& services,
                                               const http::RequestHead& head,
                                               const Destination& destination,
                                               std::size_t body_bytes) {
  const config::Anthropic& rules = services.config.anthropic;
  const std::string& path = destination.path;
  if (!rules.enabled) {
    return make_error(404, "unknown_route",
                      "Anthropic's API is switched off here (translators.anthropic.enabled).",
                      kShape);
  }
  if (path == kModels || (path.starts_with(kModelPrefix) && path.size() > kModelPrefix.size())) {
    if (head.method != "GET" && head.method != "HEAD") return wrong_method("GET, HEAD");
    return models_answer(services, destination);
  }
  if (path != "/v1/messages" && path != "/v1/messages/count_tokens") {
    return make_error(404, "unknown_route",
                      "Below /olla/anthropic/ there are /v1/messages, /v1/messages/count_tokens "
                      "and /v1/models.",
                      kShape);
  }
  if (head.method != "POST") return wrong_method("POST");
  if (body_bytes > rules.max_message_size) return too_large(rules);
  if (!rules.passthrough_enabled) {
    return make_error(501, "not_implemented",
                      "Passing messages on is switched off here "
                      "(translators.anthropic.passthrough_enabled), and this gateway does not "
                      "translate them.",
                      kShape);
  }
  return std::nullopt;
}

std::optional<Refused> refuse_message(const ProxiedRequest& request) {
  if (request.facts.kind == openai::BodyKind::kEmpty)
    return Refused{error_answer(request, 400, "invalid_body", "empty request body"), "no body"};
  if (request.facts.model && !request.facts.model->empty()) return std::nullopt;
  return Refused{error_answer(request, 400, "model_missing",
                              "model field is required (body may not be valid JSON)"),
                 "no model"};
}

std::optional<Refused> explain_no_messages(const ProxiedRequest& request, routing::NoPick reason) {
  if (reason == routing::NoPick::kNoEndpoints) {
    return Refused{
        error_answer(request, 501, "not_implemented",
                     "No endpoint speaks Anthropic's Messages API (a vLLM does from version "
                     "0.11.1 on), and this gateway does not translate it."),
        "no endpoint for messages"};
  }
  if (reason != routing::NoPick::kOtherProviders) return std::nullopt;
  return Refused{
      error_answer(request, 501, "not_implemented",
                   "The model " + std::string(vllm::shortened(*request.facts.model)) +
                       " is served by endpoints alone that do not speak Anthropic's Messages "
                       "API, and this gateway does not translate it."),
      "no endpoint for messages"};
}

}  // namespace olla::proxy
