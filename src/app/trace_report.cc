#include "app/trace_report.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sim/engine/replay.h"
#include "sim/trace.h"

namespace olla::app {
namespace {

using sim::engine::ReplayOutcome;
using sim::engine::ReplayResult;
using sim::engine::ReplayRow;

// The whole of Mooncake's traces is 4 MiB.
constexpr std::uint64_t kTraceBytesMax = std::uint64_t{1} << 30U;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// "ttft  mean 1.234  p50 ..." in seconds.
void print_times(const char* name, std::vector<Duration> times) {
  std::sort(times.begin(), times.end());
  Duration sum{};
  for (const Duration time : times) {
    sum += time;
  }
  const auto at = [&times](std::size_t percent) {
    return seconds(times[(times.size() - 1) * percent / 100]);
  };
  std::printf("%s mean %.3f s, p50 %.3f, p90 %.3f, p99 %.3f\n", name,
              seconds(sum) / static_cast<double>(times.size()), at(50), at(90), at(99));
}

struct Totals {
  std::vector<Duration> ttft;
  std::vector<Duration> e2e;
  Duration end{};
  std::uint64_t steps = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t cached_tokens = 0;
  std::uint64_t generation_tokens = 0;

  void add(const ReplayOutcome& outcome) {
    for (const ReplayResult& result : outcome.results) {
      ttft.push_back(result.ttft);
      e2e.push_back(result.e2e);
    }
    end = std::max(end, outcome.end);
    steps += outcome.stats.steps;
    preemptions += outcome.stats.preemptions;
    prompt_tokens += outcome.stats.prompt_tokens;
    cached_tokens += outcome.stats.cached_tokens;
    generation_tokens += outcome.stats.generation_tokens;
  }
};

void print(const Totals& totals) {
  const double part = 100 * static_cast<double>(totals.cached_tokens) /
                      static_cast<double>(std::max<std::uint64_t>(totals.prompt_tokens, 1));
  std::printf("%zu requests in %.1f s of virtual time, %llu steps, %llu preemptions\n",
              totals.ttft.size(), seconds(totals.end),
              static_cast<unsigned long long>(totals.steps),
              static_cast<unsigned long long>(totals.preemptions));
  std::printf("%llu prompt tokens, %.2f %% of them cached; %llu tokens generated\n",
              static_cast<unsigned long long>(totals.prompt_tokens), part,
              static_cast<unsigned long long>(totals.generation_tokens));
  print_times("time to first token:", totals.ttft);
  print_times("whole answer:       ", totals.e2e);
}

}  // namespace

int replay_trace(const SimFlags& flags, const sim::EngineRules& rules) {
  if (!rules.profile) {
    std::fputs("error: --trace needs a profile: --ttft and --itl do not go with it\n", stderr);
    return 2;
  }
  const TimePoint begun = Clock::now();
  std::ifstream file(flags.trace, std::ios::binary);
  std::string text;
  if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || text.size() > kTraceBytesMax) {
    std::fprintf(stderr, "error: cannot read %s\n", flags.trace.c_str());
    return 2;
  }
  auto rows = sim::parse_trace(text, rules.max_model_len);
  if (!rows) {
    std::fprintf(stderr, "error: %s: %s\n", flags.trace.c_str(), rows.error().detail.c_str());
    return 2;
  }
  std::vector<std::vector<ReplayRow>> servers(flags.count);
  for (std::size_t i = 0; i < rows->size(); ++i) {
    servers[i % servers.size()].push_back(std::move((*rows)[i]));
  }
  Totals totals;
  for (std::vector<ReplayRow>& server : servers) {
    if (server.empty()) continue;
    totals.add(sim::engine::replay(rules.profile, rules.policy, std::move(server)));
  }
  print(totals);
  std::printf("simulated in %.1f s\n", seconds(Clock::now() - begun));
  return 0;
}

}  // namespace olla::app
