#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "vllm/exposition.h"
#include "vllm/exposition_checker.h"
#include "vllm/metrics_text.h"

// Whatever engines and a GPU exporter write, the fleet's exposition obeys the rules of the format.
// A form feed cuts the input into the texts of two endpoints and one GPU exporter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace olla::vllm;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 3> texts;
  for (std::string_view& text : texts) {
    const std::size_t end = rest.find('\f');
    text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  const auto one = parse_metrics(texts[0]);
  const auto two = parse_metrics(texts[1]);
  for (const auto* state : {&one, &two}) {
    if (!*state) continue;
    OLLA_CHECK((*state)->models.size() <= kModelsMax);
    const auto usage = (*state)->kv_cache_usage;
    OLLA_CHECK(!usage || (*usage >= 0 && *usage <= 1));
  }
  const EndpointMetrics endpoints[] = {
      {"one", texts[0], one ? &*one : nullptr, 0.5, texts[2]},
      {"two", texts[1], two ? &*two : nullptr, 1, texts[2]},
  };
  OLLA_CHECK(!ExpositionChecker::fault_of(fleet_exposition(endpoints)));
  return 0;
}
