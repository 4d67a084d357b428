#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace olla::vllm {

/// The members of a request that translate() looks at. Those up to kLogprobs may need translation;
/// the others only matter when one of them is there.
enum class Parameter : std::uint8_t {
  kGuidedJson,  // The four constraints stand first, in the order of kConstraints.
  kGuidedRegex,
  kGuidedChoice,
  kGuidedGrammar,
  kGuidedWhitespacePattern,
  kGuidedDecodingBackend,
  kStructuredOutputs,
  kBestOf,
  kLogprobs,
  kTopLogprobs,
  kResponseFormat,
  kN,
  kStream,
  kTemperature,
  kUseBeamSearch,
  kEcho,
};

inline constexpr std::size_t kParameterCount = 16;

/// The name of a parameter in a request.
[[nodiscard]] std::string_view name_of(Parameter parameter);

/// The values of these parameters in one request, as JSON texts in the body.
class Parameters {
 public:
  /// Reads them in one scan, without an allocation. `body` must outlive the Parameters.
  ///
  /// False when there is nothing to translate: no parameter up to kLogprobs is there, or `body` is
  /// not one whole object.
  [[nodiscard]] bool read(std::string_view body);

  /// Empty when the parameter is absent or null.
  [[nodiscard]] std::string_view operator[](Parameter parameter) const {
    return values_[static_cast<std::size_t>(parameter)];
  }

  [[nodiscard]] bool has(Parameter parameter) const { return !(*this)[parameter].empty(); }

 private:
  std::array<std::string_view, kParameterCount> values_;
};

/// The text of a JSON string with its quotes; nullopt when `value` is no valid string.
[[nodiscard]] std::optional<std::string> text_of(std::string_view value);

/// The number that `value` says where vLLM wants an integer: 3 and "3". nullopt for anything else,
/// and for more digits than any count of answers has.
[[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view value);

/// The body of the 400 with which vLLM answers one wrong value: `fault` is the type and the words,
/// as in "'type': 'int_type', 'msg': 'Input should be a valid integer'".
struct WrongValue {
  std::string_view parameter;  ///< The path of the member, without "body.".
  std::string_view type;       ///< For example "string_type".
  std::string_view message;    ///< For example "Input should be a valid string".
  std::string_view value;      ///< The value at fault, as JSON text.
};
[[nodiscard]] std::string wrong_value_error(const WrongValue& wrong);

/// The body of a 400 by the application: `message` with "(parameter=...)" behind it, as vLLM has
/// it.
[[nodiscard]] std::string parameter_error(std::string_view message, std::string_view parameter);

}  // namespace olla::vllm
