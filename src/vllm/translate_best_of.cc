#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "openai/request.h"
#include "vllm/translate_parts.h"
#include "vllm/translate_rules.h"

namespace olla::vllm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBestOf = "best_of";

// What vLLM takes for n unless its VLLM_MAX_N_SEQUENCES says otherwise.
constexpr std::int64_t kAnswersMax = 16384;

// vLLM takes a smaller temperature for 0.
constexpr double kGreedyTemperature = 1e-5;

bool is_on(const Parameters& parameters, Parameter parameter) {
  return openai::means_true(parameters[parameter]);
}

// A number, also one in quotes, as vLLM takes it. Nothing is built of the value: it may be an array
// as long as a body.
std::optional<double> number_of(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
  const char* const end = value.data() + value.size();
  double number = 0;
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

// Every answer is the same one, and vLLM refuses to generate it more than once.
bool is_greedy(const Parameters& parameters) {
  const auto temperature = number_of(parameters[Parameter::kTemperature]);
  return temperature && *temperature < kGreedyTemperature &&
         !is_on(parameters, Parameter::kUseBeamSearch);
}

std::string not_an_integer_error(std::string_view value) {
  if (value.front() == '"') {
    return wrong_value_error(
        {kBestOf, "int_parsing",
         "Input should be a valid integer, unable to parse string as an integer", value});
  }
  return wrong_value_error({kBestOf, "int_type", "Input should be a valid integer", value});
}

// Takes a best_of out that changes nothing: a V1 engine that still knows it refuses it.
void drop_harmless(const Version& version, Draft& draft) {
  if (version.is_at_least(kGuidedGoneSince)) return;
  draft.edits.remove(kBestOf);
  draft.say("best_of dropped");
}

// Sees to it that the answer tells the log probabilities. Returns whether the client asked too.
bool ask_logprobs(const Parameters& parameters, RequestKind kind, Draft& draft) {
  const std::string_view value = parameters[Parameter::kLogprobs];
  if (kind == RequestKind::kChat) {
    const auto count = integer_of(value);
    if (openai::means_true(value) || (count && *count > 0)) return true;
    // A value that vLLM would refuse stays: a replaced one would hide the fault.
    const bool replaceable = value.empty() || value == "false" || value == "0";
    if (replaceable) draft.edits.set(name_of(Parameter::kLogprobs), "true");
    return false;
  }
  if (!value.empty()) return true;
  draft.edits.set(name_of(Parameter::kLogprobs), "1");
  return false;
}

void make_plan(const Parameters& parameters, RequestKind kind, const BestOf& counts, Draft& draft) {
  BestOf plan = counts;
  // Beams come best first already, and by a score of their own.
  plan.keep_logprobs = is_on(parameters, Parameter::kUseBeamSearch)
                           ? parameters.has(Parameter::kLogprobs)
                           : ask_logprobs(parameters, kind, draft);
  draft.edits.remove(name_of(Parameter::kN));
  draft.edits.replace(kBestOf, name_of(Parameter::kN), std::to_string(plan.asked));
  draft.say("best_of->n");
  draft.best_of = plan;
}

// Mean log probability of the tokens of one answer; nullopt when it tells none.
std::optional<double> mean_logprob(const Json& choice) {
  double sum = 0;
  std::size_t count = 0;
  const auto add = [&sum, &count](const Json& value) {
    if (!value.is_number()) return;
    sum += value.get<double>();
    ++count;
  };
  const auto logprobs = choice.find("logprobs");
  if (logprobs == choice.end() || !logprobs->is_object()) return std::nullopt;
  const auto content = logprobs->find("content");  // Of a chat.
  if (content != logprobs->end() && content->is_array()) {
    for (const Json& token : *content) {
      if (token.is_object() && token.contains("logprob")) add(token["logprob"]);
    }
  }
  const auto tokens = logprobs->find("token_logprobs");  // Of a completion.
  if (tokens != logprobs->end() && tokens->is_array()) {
    for (const Json& token : *tokens)
      add(token);
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

// The `wanted` best of the answers [begin, end), best first.
std::vector<Json> best_of_group(Json::iterator begin, Json::iterator end, std::size_t wanted) {
  std::vector<std::pair<double, Json>> ranked;
  for (auto choice = begin; choice != end; ++choice) {
    const double score = mean_logprob(*choice).value_or(-std::numeric_limits<double>::infinity());
    ranked.emplace_back(score, std::move(*choice));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Json> best;
  for (auto& [score, choice] : ranked) {
    if (best.size() < wanted) best.push_back(std::move(choice));
  }
  return best;
}

bool is_list_of_objects(const Json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_object(); });
}

}  // namespace

void translate_best_of(const Parameters& parameters, RequestKind kind, const Version& version,
                       Draft& draft) {
  const std::string_view value = parameters[Parameter::kBestOf];
  if (value.empty() || !version.is_at_least(kV1EngineSince)) return;
  const auto asked = integer_of(value);
  if (!asked) {
    draft.refusal = not_an_integer_error(value);
    return;
  }
  if (*asked < 1) {
    draft.refusal =
        parameter_error("best_of must be at least 1, got " + std::to_string(*asked) + '.', kBestOf);
    return;
  }
  if (*asked == 1) return;  // Every version takes it.
  if (*asked > kAnswersMax) {
    draft.refusal = parameter_error("best_of must be at most " + std::to_string(kAnswersMax) +
                                        ", got " + std::to_string(*asked) + '.',
                                    kBestOf);
    return;
  }
  const auto wanted = parameters.has(Parameter::kN) ? integer_of(parameters[Parameter::kN]) : 1;
  if (!wanted || *wanted < 1) return;  // The server says what is wrong with n.
  if (*asked <= *wanted || (*wanted == 1 && is_greedy(parameters))) {
    drop_harmless(version, draft);
    return;
  }
  if (is_on(parameters, Parameter::kStream)) {
    draft.refusal = parameter_error(
        "best_of greater than n cannot be streamed: which answers are best is known when all are "
        "complete.",
        kBestOf);
    return;
  }
  if (kind == RequestKind::kCompletion && is_on(parameters, Parameter::kEcho)) {
    // The prompt's log probabilities would count as the answer's.
    draft.refusal = parameter_error("best_of greater than n cannot be used with echo.", kBestOf);
    return;
  }
  make_plan(
      parameters, kind,
      {.asked = static_cast<std::size_t>(*asked), .wanted = static_cast<std::size_t>(*wanted)},
      draft);
}

std::string choose_best(std::string_view response, const BestOf& best_of) {
  Json document = Json::parse(response, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return std::string(response);
  const auto choices = document.find("choices");
  if (choices == document.end() || !is_list_of_objects(*choices)) return std::string(response);

  // The answers to one prompt stand together, `asked` of them.
  const std::size_t group = std::max<std::size_t>(best_of.asked, 1);
  Json chosen = Json::array();
  for (auto begin = choices->begin(); begin != choices->end();) {
    const auto left = static_cast<std::size_t>(choices->end() - begin);
    const auto end = begin + static_cast<Json::difference_type>(std::min(left, group));
    for (Json& choice : best_of_group(begin, end, best_of.wanted)) {
      choice["index"] = chosen.size();
      if (!best_of.keep_logprobs && choice.contains("logprobs")) choice["logprobs"] = nullptr;
      chosen.push_back(std::move(choice));
    }
    begin = end;
  }
  *choices = std::move(chosen);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace olla::vllm
