#include "sim/checked_routes.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "sim/fields.h"

namespace olla::sim {
namespace {

using nlohmann::json;

Answer not_implemented(std::string_view path) {
  ErrorBody error;
  error.status = 501;
  error.type = "NotImplementedError";
  error.message = "This simulated server has no " + std::string(path);
  return error_answer(error);
}

Answer refuse_input_type(const std::string& type) {
  ErrorBody error;
  error.message = "Unsupported input_type '" + type +
                  "'. This model does not define any input_type task instructions.";
  return error_answer(error);
}

void want_object(Fields& fields, std::string_view name) {
  const json* value = fields.find(name);
  if (value != nullptr && !value->is_object()) {
    fields.fail("dict_type", name, "Input should be a valid dictionary", *value);
  }
}

}  // namespace

Answer scale_out_answer() {
  ErrorBody error;
  error.status = 403;
  error.type = "PermissionDeniedError";
  error.message =
      "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable "
      "them.";
  return error_answer(error);
}

Answer scaled_out_answer(std::string_view path) {
  return path == "/inference/v1/abort_requests" ? empty_answer() : not_implemented(path);
}

Answer checked_answer(std::string_view path, const json& body, Dialect dialect) {
  Fields fields(body, dialect);
  const auto want = [&fields](std::string_view name) {
    if (fields.find(name) == nullptr) fields.fail_missing(name);
  };
  if (path == "/v1/systemone") {
    want("state");
    want("questions");
    want_object(fields, "questions");
  } else if (path == "/v2/embed") {
    const auto type = fields.string("input_type");
    if (type && !fields.failed()) return refuse_input_type(*type);
  } else {
    want("query");
    want("items");
    want("label_token_ids");
  }
  return fields.failed() ? fields.answer() : not_implemented(path);
}

std::string_view invoked_path(const json& body, Service service) {
  // In the order in which vLLM tries its request models.
  constexpr auto kPaths = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"messages", "/v1/chat/completions"},
      {"prompt", "/v1/completions"},
      {"input", "/v1/embeddings"},
      {"messages", "/v1/embeddings"},
      {"input", "/classify"},
      {"text_1", "/score"},
      {"query", "/rerank"},
  });
  for (const auto& [member, path] : kPaths) {
    const Route* route = find_route(path, {});
    if (body.contains(member) && serves(service, *route)) return path;
  }
  return {};
}

Answer no_invocation_answer() {
  ErrorBody error;
  error.message = "Cannot find suitable handler for request.";
  return error_answer(error);
}

}  // namespace olla::sim
