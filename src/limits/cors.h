#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "http/field.h"

namespace olla::limits {

/// Which pages of other origins may read the gateway's answers, in the terms of the Fetch standard.
/// It keeps nobody from asking: a browser keeps the answer from a page that may not have it.
/// Immutable; any thread.
class CorsPolicy {
 public:
  explicit CorsPolicy(const config::Cors& cors);

  [[nodiscard]] bool enabled() const { return cors_.enabled; }

  /// The field lines of the 204 that answers a preflight, a browser's question before a request;
  /// nullopt when the request is none or the policy is off.
  [[nodiscard]] std::optional<std::string> preflight(std::string_view method,
                                                     std::span<const http::Field> fields) const;

  /// The field lines that the answer to any other request gets; empty when the policy is off.
  [[nodiscard]] std::string answer_fields(std::string_view method,
                                          std::span<const http::Field> fields) const;

 private:
  [[nodiscard]] bool allows_origin(std::string_view origin) const;
  [[nodiscard]] bool allows_method(std::string_view method) const;
  [[nodiscard]] bool allows_headers(std::string_view list) const;
  void append_origin(std::string_view origin, std::string& out) const;

  config::Cors cors_;
  bool any_origin_ = false;
  bool any_header_ = false;
  std::string exposed_;  // The value of Access-Control-Expose-Headers.
};

}  // namespace olla::limits
