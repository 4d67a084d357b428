#include "sim/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;

// About where Python's parser gives up; what is beyond would overrun the stack when it is copied.
constexpr std::size_t kNestedMax = 900;

// A new version tells that many, and how many more there are.
constexpr std::size_t kProblemsShown = 10;

/// Finds where a text stops being JSON; everything else about it is ignored.
class FaultFinder : public json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*elements*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const json::exception& /*error*/) override {
    position_ = position > 0 ? position - 1 : 0;
    return false;
  }

  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  std::size_t position_ = 0;
};

/// Old versions show Python's own list of the problems.
Answer old_validation_answer(std::string message) {
  ErrorBody error;
  error.type = "Bad Request";
  error.message = std::move(message);
  return error_answer(error);
}

Answer validation_answer(const std::vector<std::string>& problems, std::string_view param,
                         Dialect dialect) {
  const bool old = dialect == Dialect::kOld;
  const std::size_t count = problems.size();
  ErrorBody error;
  for (std::size_t i = 0; i < count; ++i) {
    if (!old) error.message += "\n  ";
    if (old && !error.message.empty()) error.message += ", ";
    if (!old && i == kProblemsShown) {
      error.message += "...and " + std::to_string(count - i) + " more errors";
      break;
    }
    error.message += problems[i];
  }
  if (old) return old_validation_answer("[" + error.message + "]");
  error.type = "Bad Request";
  error.message =
      std::to_string(count) + " validation error" + (count == 1 ? "" : "s") + ":" + error.message;
  error.param = param;
  return error_answer(error);
}

Answer media_type_answer(Dialect dialect) {
  const std::string problem = "Unsupported Media Type: Only 'application/json' is allowed";
  if (dialect == Dialect::kOld) return old_validation_answer(" [" + python_repr(problem) + "]");
  return validation_answer({problem}, {}, dialect);
}

bool is_json_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') {
    type.remove_suffix(1);
  }
  constexpr std::string_view kWanted = "application/json";
  return std::equal(type.begin(), type.end(), kWanted.begin(), kWanted.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// A value as the validation messages show it: the text itself, or how large the container is.
std::string shown(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "None";
    case json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case json::value_t::string:
      return value.get<std::string>();
    case json::value_t::array:
      return "<list of " + std::to_string(value.size()) + " items>";
    case json::value_t::object:
      return "<dict of " + std::to_string(value.size()) + " items>";
    case json::value_t::number_float: {
      std::string text;
      append_json_number(text, value.get<double>());
      return text;
    }
    default:
      return value.dump();
  }
}

/// A place such as "body.messages.0" as Python shows a tuple: ('body', 'messages', 0).
std::string place_tuple(std::string_view place) {
  std::string out = "(";
  std::size_t parts = 0;
  while (!place.empty()) {
    const std::size_t dot = std::min(place.find('.'), place.size());
    const std::string_view part = place.substr(0, dot);
    const bool number = part.find_first_not_of("0123456789") == std::string_view::npos;
    if (parts++ > 0) out += ", ";
    out += number ? std::string(part) : python_repr(part);
    place.remove_prefix(std::min(dot + 1, place.size()));
  }
  return out + (parts == 1 ? ",)" : ")");
}

struct Problem {
  std::string_view type;
  std::string_view place;
  std::string_view message;
  std::string_view context;
};

std::string describe(const Problem& problem, const json& input, Dialect dialect) {
  const bool old = dialect == Dialect::kOld;
  std::string text = "{'type': " + python_repr(problem.type) + ", 'loc': ";
  text += old ? place_tuple(problem.place) : python_repr(problem.place);
  text += ", 'msg': " + python_repr(problem.message) + ", 'input': ";
  text += old ? python_value(input) : python_repr(shown(input));
  if (!problem.context.empty()) {
    text += ", 'ctx': ";
    text += problem.context;
  }
  return text + "}";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc{} || end.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  constexpr std::array<std::string_view, 6> kTrue = {"true", "yes", "1", "on", "y", "t"};
  constexpr std::array<std::string_view, 6> kFalse = {"false", "no", "0", "off", "n", "f"};
  if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end()) return false;
  return std::nullopt;
}

}  // namespace

std::variant<json, Answer> parse_body(const ApiRequest& request, Dialect dialect) {
  if (!request.content_type || !is_json_type(*request.content_type)) {
    return media_type_answer(dialect);
  }
  const std::string_view body = request.body;
  const std::string missing = describe({"missing", "body", "Field required", {}}, json(), dialect);
  if (body.empty()) return validation_answer({missing}, "body", dialect);
  if (!is_utf8(body)) return detail_answer(400, "There was an error parsing the body");

  json value = json::parse(body, nullptr, false);
  if (value.is_discarded()) {
    FaultFinder finder;
    json::sax_parse(body, &finder);
    const std::string place = "body." + std::to_string(finder.position());
    const Problem problem{"json_invalid", place, "JSON decode error",
                          "{'error': 'Expecting value'}"};
    return validation_answer({describe(problem, json::object(), dialect)}, place, dialect);
  }
  if (nested_deeper(value, kNestedMax)) {
    return detail_answer(400, "There was an error parsing the body");
  }
  if (value.is_null()) return validation_answer({missing}, "body", dialect);
  if (!value.is_object()) {
    if (dialect == Dialect::kOld) return internal_error_answer();
    const Problem problem{"model_attributes_type",
                          "body",
                          "Input should be a valid dictionary or object to extract fields from",
                          {}};
    return validation_answer({describe(problem, value, dialect)}, "body", dialect);
  }
  return value;
}

const json* Fields::find(std::string_view name) const {
  const auto at = body_.find(name);
  return at == body_.end() || at->is_null() ? nullptr : &*at;
}

const json* Fields::present(std::string_view name, Null null) {
  const auto at = body_.find(name);
  if (at == body_.end()) return nullptr;
  return at->is_null() && null == Null::kAllowed ? nullptr : &*at;
}

void Fields::fail(std::string_view type, std::string_view place, std::string_view message,
                  const json& input, std::string_view context) {
  const std::string full_place = "body." + std::string(place);
  if (problems_.empty()) first_place_ = full_place;
  problems_.push_back(describe({type, full_place, message, context}, input, dialect_));
}

void Fields::fail_missing(std::string_view place) {
  fail("missing", place, "Field required", body_);
}

std::optional<std::int64_t> Fields::integer(std::string_view name, Null null) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const json* value = present(name, null);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>() ? 1 : 0;
  if (value->is_number_unsigned()) {
    return static_cast<std::int64_t>(
        std::min(value->get<std::uint64_t>(), static_cast<std::uint64_t>(kMax)));
  }
  if (value->is_number_integer()) return value->get<std::int64_t>();
  if (value->is_number_float()) {
    const auto real = value->get<double>();
    if (std::floor(real) == real && std::abs(real) < 0x1p62) return static_cast<std::int64_t>(real);
    fail("int_from_float", name,
         "Input should be a valid integer, got a number with a fractional part", *value);
    return std::nullopt;
  }
  if (value->is_string()) {
    const auto parsed = parse_number<std::int64_t>(trimmed(value->get_ref<const std::string&>()));
    if (parsed) return parsed;
    fail("int_parsing", name,
         "Input should be a valid integer, unable to parse string as an integer", *value);
    return std::nullopt;
  }
  fail("int_type", name, "Input should be a valid integer", *value);
  return std::nullopt;
}

std::optional<double> Fields::number(std::string_view name) {
  const json* value = present(name, Null::kAllowed);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>() ? 1.0 : 0.0;
  if (value->is_number()) return value->get<double>();
  if (value->is_string()) {
    const auto parsed = parse_number<double>(trimmed(value->get_ref<const std::string&>()));
    if (parsed) return parsed;
    fail("float_parsing", name,
         "Input should be a valid number, unable to parse string as a number", *value);
    return std::nullopt;
  }
  fail("float_type", name, "Input should be a valid number", *value);
  return std::nullopt;
}

std::optional<bool> Fields::boolean(std::string_view name, Null null) {
  const json* value = present(name, null);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_structured() || value->is_null()) {
    fail("bool_type", name, "Input should be a valid boolean", *value);
    return std::nullopt;
  }
  const auto parsed = parse_boolean(shown(*value));
  if (!parsed) {
    fail("bool_parsing", name, "Input should be a valid boolean, unable to interpret input",
         *value);
  }
  return parsed;
}

std::optional<std::string> Fields::string(std::string_view name) {
  const json* value = present(name, Null::kAllowed);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  fail("string_type", name, "Input should be a valid string", *value);
  return std::nullopt;
}

std::vector<std::string> Fields::strings(std::string_view name, std::size_t items_max) {
  constexpr std::string_view kNoString = "Input should be a valid string";
  const json* value = present(name, Null::kAllowed);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  // Old versions name the attempt in the place.
  const bool old = dialect_ == Dialect::kOld;
  const std::string as_string = std::string(name) + (old ? ".str" : "");
  const std::string as_list = std::string(name) + (old ? ".list[str]" : "");
  // Neither a string nor such a list: the validation reports both attempts.
  if (!value->is_array()) {
    fail("string_type", as_string, kNoString, *value);
    fail("list_type", as_list, "Input should be a valid list", *value);
    return {};
  }
  if (value->size() > items_max) {
    const std::string actual = std::to_string(value->size());
    const std::string limit = std::to_string(items_max);
    fail("string_type", as_string, kNoString, *value);
    fail("too_long", as_list,
         "List should have at most " + limit + " items after validation, not " + actual, *value,
         "{'field_type': 'List', 'max_length': " + limit + ", 'actual_length': " + actual + "}");
    return {};
  }
  std::vector<std::string> out;
  bool string_failed = false;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const json& item = (*value)[i];
    if (item.is_string()) {
      out.push_back(item.get<std::string>());
      continue;
    }
    if (!string_failed) fail("string_type", as_string, kNoString, *value);
    string_failed = true;
    fail("string_type", as_list + "." + std::to_string(i), kNoString, item);
  }
  return out;
}

Answer Fields::answer() const {
  return validation_answer(problems_, first_place_, dialect_);
}

Answer Fields::refuse(const std::string& message, std::string_view param) const {
  if (dialect_ == Dialect::kNew) return parameter_answer({dialect_, message, param, {}});
  const std::string context = "{'error': ValueError(" + python_repr(message) + ")}";
  const std::string full = "Value error, " + message;
  return validation_answer({describe({"value_error", "body", full, context}, body_, dialect_)}, {},
                           dialect_);
}

}  // namespace olla::sim
