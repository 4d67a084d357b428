#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/answer.h"

namespace olla::sim {

/// The JSON object of a request body, or the answer that vLLM gives instead: wrong media type, no
/// body, not UTF-8, not JSON, not an object.
std::variant<nlohmann::json, Answer> parse_body(const ApiRequest& request, Dialect dialect);

/// Reads typed members of a request body as the validation of vLLM does: numbers may come as
/// strings, booleans as "yes" or 1, a whole number as 2.0. Each failure is kept, in the order of
/// reading; answer() tells them all.
///
/// A member that is absent, or failed, or null where null is allowed, reads as nullopt.
class Fields {
 public:
  enum class Null : std::uint8_t { kAllowed, kRefused };

  /// `body` must be an object and outlive this.
  explicit Fields(const nlohmann::json& body, Dialect dialect = Dialect::kNew)
      : body_(body), dialect_(dialect) {}

  [[nodiscard]] Dialect dialect() const { return dialect_; }
  [[nodiscard]] const nlohmann::json& body() const { return body_; }

  std::optional<std::int64_t> integer(std::string_view name, Null null = Null::kAllowed);
  std::optional<double> number(std::string_view name);
  std::optional<bool> boolean(std::string_view name, Null null = Null::kAllowed);
  std::optional<std::string> string(std::string_view name);
  /// A string or a list of at most `items_max` strings.
  std::vector<std::string> strings(std::string_view name, std::size_t items_max);
  /// The member, or nullptr when it is absent or null.
  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;

  /// Notes a failure: `place` is the member ("messages.0.role"), `input` what was found there, or
  /// the whole body when nothing was.
  void fail(std::string_view type, std::string_view place, std::string_view message,
            const nlohmann::json& input, std::string_view context = {});
  void fail_missing(std::string_view place);

  [[nodiscard]] bool failed() const { return !problems_.empty(); }
  /// The 400 that lists every failure; only when failed().
  [[nodiscard]] Answer answer() const;

  /// The 400 for members that do not go together; `param` is the one to blame.
  [[nodiscard]] Answer refuse(const std::string& message, std::string_view param) const;

 private:
  [[nodiscard]] const nlohmann::json* present(std::string_view name, Null null);

  const nlohmann::json& body_;
  Dialect dialect_;
  std::vector<std::string> problems_;
  std::string first_place_;
};

}  // namespace olla::sim
