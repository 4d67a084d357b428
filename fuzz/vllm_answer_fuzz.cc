#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"
#include "openai/response_id.h"
#include "vllm/error_event.h"
#include "vllm/meaning.h"
#include "vllm/messages_error.h"
#include "vllm/translate.h"

namespace {

bool finds_error(std::string_view stream, std::size_t piece) {
  olla::vllm::ErrorEventScanner scanner;
  for (std::size_t at = 0; at < stream.size(); at += piece)
    scanner.feed(stream.substr(at, piece));
  return scanner.found();
}

}  // namespace

// What an answer is taken for does not depend on how it is cut, a refusal stays JSON, and an
// error that was given the shape of Anthropic's API has it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  const bool found = finds_error(answer, std::max<std::size_t>(size, 1));
  for (const std::size_t piece : {1, 2, 7})
    OLLA_CHECK(finds_error(answer, piece) == found);
  for (const int status : {200, 400, 404, 500, 503})
    static_cast<void>(olla::vllm::meaning_of(status, answer));
  const auto id = olla::openai::response_id_in(answer);
  if (id) OLLA_CHECK(id->starts_with("resp_"));
  const std::string explained = olla::vllm::explain_refusal(answer, "a->b");
  if (nlohmann::json::accept(answer)) OLLA_CHECK(nlohmann::json::accept(explained));
  const auto told = olla::vllm::messages_error_of(500, answer);
  if (told) OLLA_CHECK(!olla::vllm::messages_error_of(500, *told));
  return 0;
}
