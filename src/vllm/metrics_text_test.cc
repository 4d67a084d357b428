#include "vllm/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

namespace olla::vllm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string recording(std::string_view name) {
  std::ifstream file(std::string(OLLA_VLLM_TESTDATA "/").append(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

EngineState read(std::string_view text) {
  const auto state = parse_metrics(text);
  EXPECT_TRUE(state.has_value()) << text;
  return state ? *state : EngineState{};
}

struct RecordedCase {
  std::string_view file;
  std::uint64_t running;
  std::uint64_t waiting;
  double kv_cache_usage;
  std::uint64_t prompt_tokens;
  std::optional<std::uint64_t> cached;
  std::uint64_t generation_tokens;
  double requests;
  double seconds;
};

TEST(ParseMetricsTest, ReadsWhatRealServersWrote) {
  const RecordedCase cases[] = {
      {"metrics-0.32-fresh.txt", 0, 0, 0, 0, 0, 0, 0, 0},
      {"metrics-0.32-saturated.txt", 2, 6, 0.0002441704309608106, 30, 0, 58, 0, 0},
      {"metrics-0.32-streams.txt", 4, 0, 0.0014650225857648635, 3874, 0, 3564, 275,
       9.65860915184021},
      {"metrics-0.32-two-engines.txt", 6, 0, 0.0003662556464412159, 78, 0, 79, 0, 0},
      {"metrics-0.11-streams.txt", 4, 0, 0.0009768009768009733, 2720, std::nullopt, 1397, 253,
       21.100749969482422},
  };
  for (const RecordedCase& c : cases) {
    SCOPED_TRACE(c.file);
    const EngineState state = read(recording(c.file));
    EXPECT_EQ(state.running, c.running);
    EXPECT_EQ(state.waiting, c.waiting);
    ASSERT_TRUE(state.kv_cache_usage);
    EXPECT_DOUBLE_EQ(*state.kv_cache_usage, c.kv_cache_usage);
    EXPECT_EQ(state.prompt_tokens_total, c.prompt_tokens);
    EXPECT_EQ(state.prompt_tokens_cached_total, c.cached);
    EXPECT_EQ(state.generation_tokens_total, c.generation_tokens);
    EXPECT_FALSE(state.asleep);
    EXPECT_EQ(state.malformed_lines, 0U);
    ASSERT_EQ(state.models.size(), 1U);
    EXPECT_EQ(state.models[0].name, "tiny");
    EXPECT_EQ(state.models[0].running, c.running);
    EXPECT_EQ(state.models[0].waiting, c.waiting);
    const Histogram& latency = state.models[0].latency_seconds;
    ASSERT_EQ(latency.buckets.size(), 22U);
    EXPECT_EQ(latency.buckets.front().bound, 0.3);
    EXPECT_EQ(latency.buckets.back().bound, HUGE_VAL);
    EXPECT_EQ(latency.count(), c.requests);
    EXPECT_DOUBLE_EQ(latency.sum, c.seconds);
  }
}

TEST(ParseMetricsTest, ReadsEachBucketOfARealServer) {
  const EngineState state = read(recording("metrics-0.32-streams.txt"));
  const auto& buckets = state.models[0].latency_seconds.buckets;
  EXPECT_EQ(buckets[5], (Histogram::Bucket{2.0, 273}));
  EXPECT_EQ(buckets[6], (Histogram::Bucket{2.5, 274}));
  EXPECT_EQ(buckets[7], (Histogram::Bucket{5.0, 275}));
}

struct TextCase {
  std::string_view text;
  EngineState state;
};

TEST(ParseMetricsTest, TakesEveryWayToWriteAFigure) {
  const TextCase cases[] = {
      {"vllm:num_requests_running 1e+06\n", {.running = 1000000}},
      {"vllm:num_requests_running 3", {.running = 3}},
      {"vllm:num_requests_running 3.0 1795399128000\r\n", {.running = 3}},
      {" vllm:num_requests_waiting { engine = \"0\" , } 2 \n", {.waiting = 2}},
      {"vllm_num_requests_running{model=\"a\"} 3\n",
       {.running = 3, .models = {{.name = "a", .running = 3}}}},
      {"vllm:num_requests_running{model_name=\"a\\\"b\\\\\\n\",engine=\"0\"} 1\n",
       {.running = 1, .models = {{.name = "a\"b\\\n", .running = 1}}}},
      {"vllm:gpu_cache_usage_perc 0.5\n", {.kv_cache_usage = 0.5}},
      {"vllm:gpu_cache_usage_perc 0.5\nvllm:kv_cache_usage_perc 0.25\n", {.kv_cache_usage = 0.25}},
      {"vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:kv_cache_usage_perc{engine=\"1\"} 1.5\n",
       {.kv_cache_usage = 0.75}},
      {"vllm:kv_cache_usage_perc NaN\nvllm:num_requests_running +Inf\n"
       "vllm:num_requests_waiting -1\nvllm:generation_tokens_total 1e300\n",
       {}},
      {"vllm:prompt_tokens_cached_total{engine=\"0\"} 3\n"
       "vllm:prompt_tokens_cached_total{engine=\"1\"} 4\nvllm:prompt_tokens_total 14\n",
       {.prompt_tokens_total = 14, .prompt_tokens_cached_total = 7}},
      {"vllm:engine_sleep_state{engine=\"0\",sleep_state=\"awake\"} 0\n"
       "vllm:engine_sleep_state{engine=\"0\",sleep_state=\"weights_offloaded\"} 1\n"
       "vllm:engine_sleep_state{engine=\"1\",sleep_state=\"awake\"} 0\n",
       {.asleep = true}},
      {"vllm:engine_sleep_state{engine=\"0\",sleep_state=\"awake\"} 0\n"
       "vllm:engine_sleep_state{engine=\"1\",sleep_state=\"awake\"} 1\n",
       {.asleep = false}},
      {"vllm:num_requests_running{model_name=\"a\",engine=\"0\"} 1\n"
       "vllm:num_requests_running{model_name=\"b\",engine=\"0\"} 2\n"
       "vllm:num_requests_running{model_name=\"a\",engine=\"1\"} 3\n"
       "vllm:num_requests_waiting{model_name=\"b\",engine=\"0\"} 4\n",
       {.running = 6,
        .waiting = 4,
        .models = {{.name = "a", .running = 4}, {.name = "b", .running = 2, .waiting = 4}}}},
      // Names that only begin like a figure's, and other families.
      {"vllm:num_requests_running_max 9\nvllm:num_requests_waiting_by_reason 9\n"
       "vllm:prompt_tokens_created 9\npython_info 1\n# HELP vllm:num_requests_running 5\n",
       {}},
  };
  for (const TextCase& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(read(c.text), c.state);
  }
}

TEST(ParseMetricsTest, CountsACopyUnderTheRewrittenPrefixOnlyOnce) {
  const EngineState expected = {.running = 2, .models = {{.name = "a", .running = 2}}};
  const std::string real = "vllm:num_requests_running{model_name=\"a\"} 2\n";
  const std::string copy =
      "vllm_num_requests_running{model=\"b\"} 5\nvllm_kv_cache_usage_perc 1\n"
      "vllm_num_requests_waiting x\n";
  EXPECT_EQ(read(real + copy), expected);
  EXPECT_EQ(read(copy + real), expected);
  EXPECT_EQ(read(copy + real + copy), expected);
}

TEST(ParseMetricsTest, SkipsAndCountsTheLinesThatItCannotRead) {
  const EngineState state = read(
      "vllm:num_requests_running{engine=\"0\"} 1\nvllm:num_requests_running{engine=\"1 2\n"
      "vllm:num_requests_running\nvllm:num_requests_running{} x\n"
      "vllm:e2e_request_latency_seconds_bucket{model_name=\"a\"} 1\n"
      "vllm:e2e_request_latency_seconds_bucket{model_name=\"a\",le=\"NaN\"} 1\n"
      "vllm:nobody_asked{ 1\n{}\nvllm:num_requests_waiting 2\n");
  EXPECT_EQ(state.running, 1U);
  EXPECT_EQ(state.waiting, 2U);
  EXPECT_EQ(state.malformed_lines, 5U);
}

TEST(ParseMetricsTest, RefusesATextThatIsNotOfVllm) {
  for (const std::string_view text :
       {"", "\n", "<html><body>vllm:num_requests_running 1</body></html>", "python_info 1\n",
        "# TYPE vllm:num_requests_running gauge\n", "vllm 1\n", "sglang:num_running_reqs 1\n"}) {
    SCOPED_TRACE(text);
    const auto state = parse_metrics(text);
    ASSERT_FALSE(state.has_value());
    EXPECT_EQ(state.error().code, Errc::kMalformed);
    EXPECT_EQ(state.error().side, Side::kUpstream);
  }
}

std::string latency(std::string_view engine, std::string_view rest) {
  return std::string("vllm:e2e_request_latency_seconds_")
      .append(rest.substr(0, rest.find(' ')))
      .append("{model_name=\"m\",engine=\"")
      .append(engine)
      .append(rest.starts_with("bucket") ? "\",le=\"" : "\"} ")
      .append(rest.substr(rest.find(' ') + 1))
      .append("\n");
}

TEST(ParseMetricsTest, AddsTheHistogramsOfTheEnginesOnTheBoundsThatAllHave) {
  const EngineState state =
      read(latency("0", "bucket 1.0\"} 1") + latency("0", "bucket 2.0\"} 2") +
           latency("0", "bucket +Inf\"} 4") + latency("0", "sum 9.5") + latency("0", "count 4") +
           latency("1", "sum 1.5") + latency("1", "bucket 0.5\"} 1") +
           latency("1", "bucket 2\"} 10") + latency("1", "bucket +Inf\"} 20"));
  ASSERT_EQ(state.models.size(), 1U);
  EXPECT_THAT(state.models[0].latency_seconds.buckets,
              ElementsAre(Histogram::Bucket{2, 12}, Histogram::Bucket{HUGE_VAL, 24}));
  EXPECT_EQ(state.models[0].latency_seconds.sum, 11);
}

TEST(ParseMetricsTest, MakesAHistogramThatRisesOfOneThatDoesNot) {
  const EngineState state = read(latency("0", "bucket 1\"} 5") + latency("0", "bucket 2\"} 3") +
                                 latency("0", "bucket 3\"} NaN") + latency("0", "count 4"));
  EXPECT_THAT(state.models[0].latency_seconds.buckets,
              ElementsAre(Histogram::Bucket{1, 5}, Histogram::Bucket{2, 5},
                          Histogram::Bucket{HUGE_VAL, 5}));
}

TEST(ParseMetricsTest, HasNoHistogramWithoutACount) {
  const EngineState state = read(latency("0", "bucket 1\"} 5") + latency("0", "sum 5"));
  EXPECT_EQ(state.models[0].latency_seconds, Histogram{});
}

TEST(ParseMetricsTest, BoundsTheModelsAndTheBounds) {
  std::string text;
  for (std::size_t i = 0; i <= kModelsMax; ++i)
    text += "vllm:num_requests_running{model_name=\"m" + std::to_string(i) + "\"} 1\n";
  EngineState state = read(text);
  EXPECT_EQ(state.models.size(), kModelsMax);
  EXPECT_EQ(state.running, kModelsMax + 1);

  text.clear();
  for (std::size_t i = 0; i <= kBoundsMax; ++i)
    text += latency("0", "bucket " + std::to_string(i) + "\"} 1");
  state = read(text + latency("0", "bucket +Inf\"} 1"));
  EXPECT_EQ(state.models[0].latency_seconds.buckets.size(), kBoundsMax + 1);
}

TEST(HistogramTest, AddsExactlyWhatBothKnow) {
  Histogram sum = {{{1, 1}, {2, 2}, {3, 3}, {HUGE_VAL, 4}}, 10};
  sum.add({});
  EXPECT_EQ(sum.buckets.size(), 4U);
  sum.add({{{0.5, 1}, {2, 10}, {3, 20}, {4, 30}, {HUGE_VAL, 40}}, 100});
  EXPECT_THAT(sum.buckets, ElementsAre(Histogram::Bucket{2, 12}, Histogram::Bucket{3, 23},
                                       Histogram::Bucket{HUGE_VAL, 44}));
  EXPECT_EQ(sum.sum, 110);
  EXPECT_EQ(sum.count(), 44);
  Histogram none;
  EXPECT_EQ(none.count(), 0);
  none.add(sum);
  EXPECT_EQ(none, sum);
}

TEST(EngineStateTest, TellsTheCachedShareOfThePrompts) {
  EngineState state;
  EXPECT_EQ(state.cached_share(), std::nullopt);
  state.prompt_tokens_cached_total = 0;
  EXPECT_EQ(state.cached_share(), std::nullopt);
  state.prompt_tokens_total = 40;
  EXPECT_EQ(state.cached_share(), 0.0);
  state.prompt_tokens_cached_total = 10;
  EXPECT_EQ(state.cached_share(), 0.25);
  state.prompt_tokens_cached_total = 41;
  EXPECT_EQ(state.cached_share(), 1.0);
}

TEST(ParseGpuMemoryTest, ReadsTheExportersMebibytes) {
  EXPECT_THAT(
      parse_gpu_memory("# HELP DCGM_FI_DEV_FB_USED Framebuffer memory used (in MiB).\n"
                       "# TYPE DCGM_FI_DEV_FB_USED gauge\n"
                       "DCGM_FI_DEV_FB_USED{gpu=\"0\",UUID=\"GPU-1\",device=\"nvidia0\"} 12288\n"
                       "DCGM_FI_DEV_FB_USED{gpu=\"1\",UUID=\"GPU-2\",device=\"nvidia1\"} 0\n"
                       "DCGM_FI_DEV_FB_FREE{gpu=\"0\",UUID=\"GPU-1\",device=\"nvidia0\"} 99\n"
                       "DCGM_FI_DEV_FB_USED{UUID=\"GPU-3\"} 1\nDCGM_FI_DEV_FB_USED{gpu=\"4\"} NaN\n"
                       "DCGM_FI_DEV_FB_USED{gpu=\"5\" 1\n"),
      ElementsAre(GpuMemory{"0", 12884901888}, GpuMemory{"1", 0}));
  EXPECT_THAT(parse_gpu_memory(""), IsEmpty());
}

TEST(ParseGpuMemoryTest, AddsTheInstancesOfAGpuButNotThePodsOnIt) {
  EXPECT_THAT(parse_gpu_memory("DCGM_FI_DEV_FB_USED{gpu=\"0\",GPU_I_ID=\"1\",pod=\"a\"} 1\n"
                               "DCGM_FI_DEV_FB_USED{gpu=\"0\",GPU_I_ID=\"1\",pod=\"b\"} 1\n"
                               "DCGM_FI_DEV_FB_USED{gpu=\"0\",GPU_I_ID=\"2\",pod=\"c\"} 2\n"),
              ElementsAre(GpuMemory{"0", 3 * 1048576.0}));
}

TEST(ParseGpuMemoryTest, BoundsTheGpus) {
  std::string text;
  for (std::size_t i = 0; i <= kGpusMax; ++i)
    text += "DCGM_FI_DEV_FB_USED{gpu=\"" + std::to_string(i) + "\"} 1\n";
  EXPECT_EQ(parse_gpu_memory(text).size(), kGpusMax);
}

}  // namespace
}  // namespace olla::vllm
