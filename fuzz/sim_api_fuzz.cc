#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "sim/api.h"

namespace {

using olla::sim::Answer;
using olla::sim::Api;
using olla::sim::Generation;

constexpr auto kPaths = std::to_array<std::string_view>(
    {"/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses", "/v1/embeddings",
     "/score", "/rerank", "/classify", "/pooling", "/tokenize", "/detokenize"});

// A request may ask for thousands of answers; so many are only begun.
constexpr std::size_t kFinishedMax = 64;

Api make_api(const char* version) {
  olla::sim::ApiOptions options;
  options.version = version;
  options.models = {"tiny"};
  options.rules.max_num_seqs = 4;
  options.rules.max_model_len = 64;
  return Api(options, {});
}

void check_answer(const Answer& answer) {
  // What an old vLLM says to JSON that is no object.
  if (answer.status == 500 && answer.body == "Internal Server Error") return;
  OLLA_CHECK(answer.status == 200 || answer.status == 400 || answer.status == 404);
  OLLA_CHECK(nlohmann::json::accept(answer.body));
}

void finish(Api& api, Generation& generation, olla::TimePoint& now) {
  while (const auto next = api.next_time()) {
    now = *next;
    api.advance(now);
  }
  OLLA_CHECK(generation.done());
  std::string last;
  bool named = false;
  while (auto event = generation.take_event()) {
    named = event->starts_with("event: ");
    const std::size_t data = event->find("data: ");
    OLLA_CHECK(data != std::string::npos && event->ends_with("\n\n"));
    OLLA_CHECK(last.empty() || nlohmann::json::accept(last));
    last = event->substr(data + 6);
  }
  // Streams whose events have names end without this word.
  OLLA_CHECK((generation.streamed() && !named) == (last == "[DONE]\n\n"));
  if (!generation.streamed()) check_answer(generation.answer());
}

void ask_all(Api& api, std::string_view body, olla::TimePoint& now) {
  for (const std::string_view path : kPaths) {
    auto reply = api.handle({"POST", path, "sim", "application/json", {}, body}, {now, 0});
    if (const auto* answer = std::get_if<Answer>(&reply)) {
      check_answer(*answer);
      continue;
    }
    auto& generation = *std::get<std::unique_ptr<Generation>>(reply);
    if (api.stats().running + api.stats().waiting <= kFinishedMax) finish(api, generation, now);
    api.leave(generation, now);
    OLLA_CHECK(api.stats().running + api.stats().waiting == 0);
  }
}

}  // namespace

// Whatever a body says, each route answers with JSON, and what it begins comes to an end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Api now_api = make_api("0.32.0");
  static Api then_api = make_api("0.11.0");
  static olla::TimePoint now;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  ask_all(now_api, body, now);
  ask_all(then_api, body, now);
  return 0;
}
