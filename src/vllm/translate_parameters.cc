#include "vllm/translate_parameters.h"

#include <algorithm>
#include <charconv>

#include "openai/members.h"
#include "openai/request.h"
#include "vllm/errors.h"
#include "vllm/translate.h"

namespace olla::vllm {
namespace {

constexpr std::array<std::string_view, kParameterCount> kNames = {
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "guided_whitespace_pattern",
    "guided_decoding_backend",
    "structured_outputs",
    "best_of",
    "logprobs",
    "top_logprobs",
    "response_format",
    "n",
    "stream",
    "temperature",
    "use_beam_search",
    "echo",
};

constexpr std::size_t kTriggerCount = static_cast<std::size_t>(Parameter::kLogprobs) + 1;

std::size_t count_members(std::string_view object) {
  openai::MemberScanner members(object);
  openai::Member member;
  std::size_t count = 0;
  while (members.next(member))
    ++count;
  return count;
}

// The value in the words of vLLM, which prints Python values and only counts what is inside.
std::string input_text(std::string_view value) {
  switch (value.front()) {
    case '[':
      return "<list of " + std::to_string(openai::count_elements(value)) + " items>";
    case '{':
      return "<dict of " + std::to_string(count_members(value)) + " items>";
    case 't':
      return "True";
    case 'f':
      return "False";
    default:
      break;
  }
  const auto text = text_of(value);
  return std::string(shortened(text ? std::string_view(*text) : value));
}

}  // namespace

std::string_view name_of(Parameter parameter) {
  return kNames[static_cast<std::size_t>(parameter)];
}

bool may_need_translation(const openai::KeySet& keys) {
  return std::any_of(kNames.begin(), kNames.begin() + kTriggerCount,
                     [&](std::string_view name) { return keys.may_have(name); });
}

bool Parameters::read(std::string_view body) {
  openai::MemberScanner members(body);
  openai::Member member;
  while (members.next(member)) {
    // Looked for once, because a body may have millions of members.
    const bool escaped = member.key.find('\\') != std::string_view::npos;
    const auto name = std::find_if(kNames.begin(), kNames.end(), [&](std::string_view known) {
      return escaped ? openai::key_is(member.key, known) : member.key == known;
    });
    if (name == kNames.end()) continue;
    std::string_view& value = values_[static_cast<std::size_t>(name - kNames.begin())];
    value = member.value == "null" ? std::string_view() : member.value;
  }
  if (members.malformed()) return false;
  return std::any_of(values_.begin(), values_.begin() + kTriggerCount,
                     [](std::string_view value) { return !value.empty(); });
}

std::optional<std::string> text_of(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::nullopt;
  return openai::decode_json_string(value.substr(1, value.size() - 2));
}

std::optional<std::int64_t> integer_of(std::string_view value) {
  constexpr std::size_t kDigitsMax = 10;
  if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
  if (value.empty() || value.size() > kDigitsMax) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return number;
}

std::string wrong_value_error(const WrongValue& wrong) {
  std::string location = "body.";
  location += wrong.parameter;
  std::string message = "1 validation error:\n  {'type': '";
  message += wrong.type;
  message += "', 'loc': '";
  message += location;
  message += "', 'msg': '";
  message += wrong.message;
  message += "', 'input': '";
  message += input_text(wrong.value);
  message += "'}";
  return error_body({.message = message, .type = "Bad Request", .param = location, .status = 400});
}

std::string parameter_error(std::string_view message, std::string_view parameter) {
  std::string text(message);
  text += " (parameter=";
  text += parameter;
  text += ')';
  return error_body(
      {.message = text, .type = "BadRequestError", .param = parameter, .status = 400});
}

}  // namespace olla::vllm
