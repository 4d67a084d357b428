// Runs of a real vLLM on an H100 against the built-in profile, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "sim/engine/replay.h"

namespace olla::sim::engine {
namespace {

using std::chrono::microseconds;
using Columns = std::map<std::string, std::string>;

std::vector<Columns> read_table(const std::string& name) {
  std::ifstream file(std::string(OLLA_ENGINE_TESTDATA) + "/" + name + ".tsv");
  std::string line;
  std::getline(file, line);
  std::vector<std::string> head;
  std::istringstream names(line);
  for (std::string column; std::getline(names, column, '\t');) {
    head.push_back(column);
  }
  std::vector<Columns> rows;
  while (std::getline(file, line)) {
    std::istringstream values(line);
    Columns row;
    for (const std::string& column : head) {
      std::getline(values, row[column], '\t');
    }
    rows.push_back(row);
  }
  EXPECT_FALSE(rows.empty()) << name;
  return rows;
}

std::vector<std::uint64_t> numbers(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::uint64_t> out;
  for (std::uint64_t number = 0; words >> number;) {
    out.push_back(number);
  }
  return out;
}

std::uint64_t number(const Columns& row, const std::string& column) {
  return std::stoull(row.at(column));
}

/// A request whose blocks have the names that `key` gives for their positions.
template <class Key>
Request request_of(const Columns& row, const Key& key) {
  Request request;
  request.prompt.tokens = number(row, "prompt");
  request.prompt.last = first_hash(0);
  for (std::size_t block = 0; block < request.prompt.tokens / kBlockTokens; ++block) {
    request.prompt.last = chain_hash(request.prompt.last, key(block));
    request.prompt.hashes.push_back(request.prompt.last);
  }
  request.tokens_max = number(row, "answer");
  return request;
}

struct Pair {
  double measured;
  double simulated;
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double at = part * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (at - static_cast<double>(low));
}

/// Part by which `value` is off, in percent.
double percent_off(double value, double truth) {
  return 100 * (value / truth - 1);
}

struct Errors {
  double mean = 0;    // of the mean, in percent, with its sign
  double p90 = 0;     // of the 90th percentile
  double median = 0;  // of the absolute error of each request
};

Errors errors_of(const std::vector<Pair>& pairs) {
  std::vector<double> measured;
  std::vector<double> simulated;
  std::vector<double> each;
  for (const Pair& pair : pairs) {
    measured.push_back(pair.measured);
    simulated.push_back(pair.simulated);
    each.push_back(std::abs(percent_off(pair.simulated, pair.measured)));
  }
  return {percent_off(mean(simulated), mean(measured)),
          percent_off(quantile(simulated, 0.9), quantile(measured, 0.9)), quantile(each, 0.5)};
}

double milliseconds_of(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// For the plots in docs/simulator.md: measured and simulated, where the variable names a folder.
void write_pairs(const std::string& name, const std::vector<Columns>& table,
                 const ReplayOutcome& outcome) {
  const char* folder = std::getenv("OLLA_CALIBRATION_OUT");
  if (folder == nullptr) return;
  std::ofstream file(std::string(folder) + "/" + name + ".tsv");
  file << "ttft_ms\tsimulated_ttft_ms\te2e_ms\tsimulated_e2e_ms\n";
  for (std::size_t i = 0; i < table.size(); ++i) {
    file << static_cast<double>(number(table[i], "ttft_us")) / 1000 << '\t'
         << milliseconds_of(outcome.results[i].ttft) << '\t'
         << static_cast<double>(number(table[i], "e2e_us")) / 1000 << '\t'
         << milliseconds_of(outcome.results[i].e2e) << '\n';
  }
}

/// Replays a table whose blocks are named by `key`, and holds what has to be equal.
template <class Key>
ReplayOutcome replay_table(const std::string& name, std::vector<Columns>& table, const Key& key) {
  std::stable_sort(table.begin(), table.end(), [](const Columns& a, const Columns& b) {
    return number(a, "send_us") < number(b, "send_us");
  });
  std::vector<ReplayRow> rows;
  for (const Columns& row : table) {
    rows.push_back({microseconds(number(row, "send_us")),
                    request_of(row, [&](std::size_t block) { return key(row, block); })});
  }
  ReplayOutcome outcome = replay(builtin_profile("llama-8b-h100"), Policy::kFcfs, std::move(rows));
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(outcome.results[i].cached_tokens, number(table[i], "cached")) << name << " " << i;
    EXPECT_EQ(outcome.results[i].tokens, number(table[i], "answer")) << name << " " << i;
  }
  EXPECT_EQ(outcome.stats.preemptions, 0U) << name;
  write_pairs(name, table, outcome);
  return outcome;
}

Errors report(const std::string& name, const std::vector<Columns>& table,
              const ReplayOutcome& outcome) {
  std::vector<Pair> ttft;
  std::vector<Pair> e2e;
  for (std::size_t i = 0; i < table.size(); ++i) {
    ttft.push_back({static_cast<double>(number(table[i], "ttft_us")) / 1000,
                    milliseconds_of(outcome.results[i].ttft)});
    e2e.push_back({static_cast<double>(number(table[i], "e2e_us")) / 1000,
                   milliseconds_of(outcome.results[i].e2e)});
  }
  const Errors of_ttft = errors_of(ttft);
  const Errors of_e2e = errors_of(e2e);
  std::printf("%-14s TTFT mean %+5.1f %% p90 %+5.1f %% median error %4.1f %% | ", name.c_str(),
              of_ttft.mean, of_ttft.p90, of_ttft.median);
  std::printf("E2E mean %+5.1f %% p90 %+5.1f %% median error %4.1f %%\n", of_e2e.mean, of_e2e.p90,
              of_e2e.median);
  return of_ttft;
}

TEST(CalibrationTest, ReplaysATraceAtThreeLoadsWithinFourPercent) {
  std::map<std::uint64_t, std::vector<std::uint64_t>> ids;
  for (const Columns& row : read_table("trace_rows")) {
    ids[number(row, "row")] = numbers(row.at("hash_ids"));
  }
  // An id stands for 512 tokens, which are 32 blocks.
  const auto key = [&ids](const Columns& row, std::size_t block) {
    const auto id = ids.at(number(row, "row")).at(block / 32);
    return std::vector<std::uint32_t>{static_cast<std::uint32_t>(id),
                                      static_cast<std::uint32_t>(block)};
  };
  struct Run {
    std::string name;
    // The real one's counters of lookups and hits, in tokens. At the highest load some of the
    // prompts are looked up in many steps, until they fit.
    double queried;
    double hit;
  };
  for (const auto& [name, queried, hit] :
       {Run{"open-50", 1'269'420, 52'224}, Run{"open-80", 1'811'517, 81'920},
        Run{"open-110", 3'619'286, 138'752}}) {
    std::vector<Columns> table = read_table(name);
    const ReplayOutcome outcome = replay_table(name, table, key);
    const double slack = name == "open-110" ? 3 : 0;
    const auto& stats = outcome.stats;
    EXPECT_LE(std::abs(percent_off(static_cast<double>(stats.queried_tokens), queried)), slack);
    EXPECT_LE(std::abs(percent_off(static_cast<double>(stats.hit_tokens), hit)), slack);
    const Errors errors = report(name, table, outcome);
    EXPECT_LE(std::abs(errors.mean), 4) << name;
    EXPECT_LE(std::abs(errors.p90), 4) << name;
    EXPECT_LE(errors.median, 3) << name;
  }
}

TEST(CalibrationTest, RepeatsConversationsWithinTwelvePercent) {
  // 2048 tokens are the tenant's, the rest is the conversation's own.
  const auto key = [](const Columns& row, std::size_t block) {
    const bool shared = block < 128;
    const std::uint64_t owner = number(row, shared ? "tenant" : "conversation");
    return std::vector<std::uint32_t>{shared ? 1U : 2U, static_cast<std::uint32_t>(owner),
                                      static_cast<std::uint32_t>(block)};
  };
  for (const std::string name : {"multiturn-1.5", "multiturn-4"}) {
    std::vector<Columns> table = read_table(name);
    const ReplayOutcome outcome = replay_table(name, table, key);
    const Errors errors = report(name, table, outcome);
    EXPECT_LE(std::abs(errors.mean), 12) << name;
    EXPECT_LE(std::abs(errors.p90), 12) << name;
    EXPECT_LE(errors.median, 15) << name;
  }
}

/// 16 places and 2560 blocks: the first burst waits for places, the second runs out of blocks.
TEST(CalibrationTest, PreemptsAsOftenAsTheRealOne) {
  Profile profile = *builtin_profile("llama-8b-h100");
  profile.limits.max_num_seqs = 16;
  profile.limits.num_gpu_blocks = 2560;
  for (const Columns& row : read_table("bursts")) {
    std::vector<ReplayRow> rows;
    for (std::uint32_t i = 0; i < number(row, "requests"); ++i) {
      const auto key = [i](std::size_t block) {
        return std::vector<std::uint32_t>{i, static_cast<std::uint32_t>(block)};
      };
      rows.push_back({Duration{}, request_of(row, key)});
    }
    const auto outcome =
        replay(std::make_shared<const Profile>(profile), Policy::kFcfs, std::move(rows));
    EXPECT_EQ(outcome.stats.preemptions, number(row, "preemptions"));
    std::vector<double> simulated;
    for (const ReplayResult& result : outcome.results) {
      simulated.push_back(milliseconds_of(result.ttft));
    }
    std::vector<double> measured;
    for (const std::uint64_t ttft : numbers(row.at("ttft_us"))) {
      measured.push_back(static_cast<double>(ttft) / 1000);
    }
    std::vector<std::uint64_t> ends = numbers(row.at("e2e_us"));
    std::sort(ends.begin(), ends.end());
    std::printf("burst          TTFT mean %+5.1f %%, last answer %+5.1f %%\n",
                percent_off(mean(simulated), mean(measured)),
                percent_off(milliseconds_of(outcome.end), static_cast<double>(ends.back()) / 1000));
    EXPECT_LE(std::abs(percent_off(mean(simulated), mean(measured))), 8);
  }
}

}  // namespace
}  // namespace olla::sim::engine
