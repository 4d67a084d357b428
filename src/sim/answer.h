#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// A complete answer. `headers` are those between `server` and the end of the head, in the order in
/// which vLLM's server writes them.
struct Answer {
  int status = 200;
  std::vector<std::pair<std::string_view, std::string>> headers;
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

/// `{"detail":...}`: the errors that come before the application, 404 among them.
Answer detail_answer(int status, std::string_view detail);
Answer not_found_answer();
/// 405 with the methods that the path does take ("GET, POST").
Answer method_not_allowed_answer(std::string_view allow);
Answer redirect_answer(std::string location);

}  // namespace olla::sim
