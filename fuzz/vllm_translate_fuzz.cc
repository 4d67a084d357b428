#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "models/parse.h"
#include "vllm/models_document.h"
#include "vllm/translate.h"
#include "vllm/version.h"

namespace {

using Json = nlohmann::json;
using olla::vllm::Translation;
using olla::vllm::Version;

constexpr std::array<Version, 5> kVersions = {Version{.minor = 6}, Version{.minor = 10},
                                              Version{.minor = 11}, Version{.minor = 32},
                                              olla::vllm::kNewestVersion};
constexpr std::array<std::string_view, 2> kPaths = {"/v1/chat/completions", "/v1/completions"};

// The members that a translation may touch; every other one is the client's.
constexpr std::array<std::string_view, 11> kTranslated = {"guided_json",
                                                          "guided_regex",
                                                          "guided_choice",
                                                          "guided_grammar",
                                                          "logprobs",
                                                          "guided_whitespace_pattern",
                                                          "structured_outputs",
                                                          "response_format",
                                                          "guided_decoding_backend",
                                                          "best_of",
                                                          "n"};

Json others(Json document) {
  for (const std::string_view key : kTranslated)
    document.erase(std::string(key));
  document.erase("top_logprobs");
  return document;
}

bool is_safe_header(std::string_view note) {
  return std::all_of(note.begin(), note.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || std::string_view("_.,-> ").find(c) != std::string_view::npos;
  });
}

void check_translation(std::string_view path, std::string_view body, const Version& version) {
  const Translation translation = olla::vllm::translate(path, body, version);
  OLLA_CHECK(is_safe_header(translation.note));
  OLLA_CHECK(translation.note.empty() == !translation.body);
  OLLA_CHECK(!translation.best_of || translation.body);
  if (translation.refusal) OLLA_CHECK(Json::accept(*translation.refusal));

  // The parser takes a zero byte for the end of the text, and accepts anything behind it.
  if (body.find('\0') != std::string_view::npos) return;
  const Json before = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!before.is_object()) return;
  if (!translation.body) return;
  const Json after = Json::parse(*translation.body, nullptr, /*allow_exceptions=*/false);
  OLLA_CHECK(after.is_object());
  OLLA_CHECK(others(before) == others(after));
  // What is translated needs no more.
  OLLA_CHECK(!olla::vllm::translate(path, *translation.body, version).body);
}

void check_documents(std::string_view text) {
  const std::string chosen = olla::vllm::choose_best(text, {.asked = 3, .wanted = 2});
  if (Json::accept(text)) OLLA_CHECK(Json::accept(chosen));
  (void)olla::vllm::parse_version(olla::vllm::version_text(text).value_or(""));
  (void)olla::vllm::parse_version(text);
  (void)olla::vllm::model_id_of_path(text);
  const auto models = olla::models::parse_list(olla::config::ModelListFormat::kOpenAi, text);
  if (!models) return;
  const std::vector<olla::vllm::EndpointModels> endpoints = {{"one", *models}, {"two", *models}};
  const auto fleet = olla::vllm::union_of_models(endpoints, {});
  OLLA_CHECK(fleet.size() == models->size());
  OLLA_CHECK(Json::accept(olla::vllm::models_document(fleet)));
}

}  // namespace

// A translated body is JSON whenever the client's was, and all that the translation does not know
// is the same in it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view path : kPaths) {
    for (const Version& version : kVersions)
      check_translation(path, text, version);
  }
  check_documents(text);
  return 0;
}
