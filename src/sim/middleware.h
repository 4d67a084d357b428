#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "http/head.h"
#include "sim/answer.h"
#include "sim/dialect.h"

namespace olla::sim {

/// What vLLM wraps around its application, by its flags.
struct MiddlewareOptions {
  std::vector<std::string> api_keys;  ///< Empty: everybody may do everything.
  /// Origins whose pages may read answers, or "*". Not given: none, and before 0.12 all.
  std::optional<std::vector<std::string>> allowed_origins;
  bool request_id_headers = false;  ///< Each answer names the id of its request.
};

/// API keys, cross-origin access and request ids of one server: what happens to a request before
/// the application sees it, and to the head of its answer afterwards.
class Middleware {
 public:
  Middleware(MiddlewareOptions options, Dialect dialect, Random ids);

  /// The answer to a request that never reaches the application: 401, or that of a preflight. To be
  /// given to finish() too.
  [[nodiscard]] std::optional<Answer> refuse(const http::RequestHead& request) const;

  /// Puts into the header fields of the request's answer what its middleware adds. `refused`: it is
  /// what refuse() gave.
  void finish(HeaderFields& fields, const http::RequestHead& request, bool refused);

 private:
  [[nodiscard]] bool guards(std::string_view path) const;
  [[nodiscard]] bool knows_key(const http::RequestHead& request) const;
  [[nodiscard]] bool allows_all() const;
  [[nodiscard]] bool allows(std::string_view origin) const;
  [[nodiscard]] Answer preflight(const http::RequestHead& request, std::string_view origin) const;
  void add_origin(HeaderFields& fields, std::string_view origin) const;

  MiddlewareOptions options_;
  Dialect dialect_;
  std::vector<std::string> origins_;
  Random ids_;
};

}  // namespace olla::sim
