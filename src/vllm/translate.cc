#include "vllm/translate.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "vllm/translate_parts.h"

namespace olla::vllm {
namespace {

std::optional<RequestKind> kind_of(std::string_view path) {
  if (path == "/v1/chat/completions") return RequestKind::kChat;
  if (path == "/v1/completions") return RequestKind::kCompletion;
  return std::nullopt;
}

}  // namespace

void translate_chat_logprobs(const Parameters& parameters, Draft& draft) {
  const std::string_view value = parameters[Parameter::kLogprobs];
  // A word for a boolean stays one; a number in quotes is no integer here, and vLLM says so.
  if (value.empty() || value.front() == '"') return;
  const auto count = integer_of(value);
  // 0 is false, as vLLM takes it: no log probability is asked for.
  if (!count || *count < 1) return;
  if (!parameters.has(Parameter::kTopLogprobs)) {
    draft.edits.set(name_of(Parameter::kTopLogprobs), std::string(value));
    draft.say("logprobs->top_logprobs");
  } else if (*count > 1) {
    draft.say("logprobs->true");
  } else {
    return;  // vLLM takes 1 for true.
  }
  draft.edits.set(name_of(Parameter::kLogprobs), "true");
}

std::string explain_refusal(std::string_view response, std::string_view note) {
  using Json = nlohmann::ordered_json;
  Json document = Json::parse(response, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("error")) return std::string(response);
  Json& error = document["error"];
  if (!error.is_object() || !error.contains("message") || !error["message"].is_string())
    return std::string(response);
  error["message"] = error["message"].get<std::string>() +
                     " (translated by the gateway: " + std::string(note) + ")";
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Translation translate(std::string_view path, std::string_view body, const Version& version) {
  Translation translation;
  const auto kind = kind_of(path);
  if (!kind) return translation;
  Parameters parameters;
  if (!parameters.read(body)) return translation;

  Draft draft;
  translate_constraints(parameters, version, draft);
  if (*kind == RequestKind::kChat) translate_chat_logprobs(parameters, draft);
  if (!draft.refusal) translate_best_of(parameters, *kind, version, draft);
  if (draft.refusal) {
    translation.refusal = std::move(draft.refusal);
    return translation;
  }
  if (draft.edits.empty()) return translation;
  translation.body = draft.edits.apply(body);
  translation.note = std::move(draft.note);
  translation.best_of = draft.best_of;
  return translation;
}

}  // namespace olla::vllm
