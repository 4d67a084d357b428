#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "sim/engine/profile.h"
#include "sim/engine/replay.h"

// Whatever a profile that is taken says: a request that its cache can hold comes to an end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace engine = olla::sim::engine;
  auto profile = engine::parse_profile({reinterpret_cast<const char*>(data), size});
  if (!profile) {
    OLLA_CHECK(!profile.error().detail.empty());
    return 0;
  }
  // A huge cache costs memory, and tells nothing more.
  profile->limits.num_gpu_blocks = std::size_t{4};
  std::vector<engine::ReplayRow> rows(3);
  for (engine::ReplayRow& row : rows) {
    row.request.prompt = engine::prompt_of(std::vector<std::uint32_t>(33, 1), 0);
    row.request.tokens_max = 31;
  }
  const auto outcome = engine::replay(std::make_shared<const engine::Profile>(*profile),
                                      engine::Policy::kFcfs, std::move(rows));
  for (const engine::ReplayResult& result : outcome.results) {
    OLLA_CHECK(result.tokens == 31);
  }
  return 0;
}
