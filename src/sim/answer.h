#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/dialect.h"

/// One request and its answer as plain values, and the errors in vLLM's words.
namespace olla::sim {

/// What the simulated server looks at in a request. The views must live as long as the call that
/// takes them.
struct ApiRequest {
  std::string_view method;
  std::string_view target;  ///< Path and query as sent, or the absolute form.
  std::string_view host;    ///< Only used to build a redirect.
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> request_id;  ///< X-Request-Id
  std::string_view body;
};

/// Header fields in the order in which they are written.
using HeaderFields = std::vector<std::pair<std::string_view, std::string>>;

/// A complete answer. `headers` are those between `server` and the end of the head, in the order in
/// which vLLM's server writes them.
struct Answer {
  int status = 200;
  HeaderFields headers;
  std::string body;
};

/// 200 with a JSON body.
Answer json_answer(std::string body);
/// 200 without a body and so without a content-type: what /health says.
Answer empty_answer();
/// 200 with the text format of Prometheus.
Answer metrics_answer(std::string body);

/// `{"error":{"message","type","param","code"}}`; an empty `param` is null.
struct ErrorBody {
  int status = 400;
  std::string_view type = "BadRequestError";
  std::string message;
  std::string_view param;
};
Answer error_answer(const ErrorBody& error);

/// A 400 for the value of one parameter. New versions name it in the message and as `param`.
struct ParameterError {
  Dialect dialect = Dialect::kNew;
  std::string message;
  std::string_view name;
  std::string_view value;  ///< As text; empty: not told.
};
Answer parameter_answer(const ParameterError& error);

/// `{"detail":...}`: the errors that come before the application, 404 among them.
Answer detail_answer(int status, std::string_view detail);
Answer not_found_answer();
/// 405 with the methods that the path does take ("GET, POST").
Answer method_not_allowed_answer(std::string_view allow);
Answer redirect_answer(std::string location);
/// What vLLM's server says when a handler throws.
Answer internal_error_answer();

/// Makes an answer look like one of that version: old ones send no `vary`.
void adapt(Answer& answer, Dialect dialect);

}  // namespace olla::sim
