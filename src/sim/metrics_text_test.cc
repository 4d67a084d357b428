#include "sim/metrics_text.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace olla::sim {
namespace {

struct Family {
  std::string type;
  std::set<std::string> labels;
};

/// name, type and labels of each family that a real server shows, as recorded.
std::map<std::string, Family> recorded_families() {
  std::ifstream file(std::string(OLLA_SIM_TESTDATA) + "/metric_families.tsv");
  std::map<std::string, Family> out;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string name;
    Family family;
    std::string labels;
    std::getline(columns, name, '\t');
    std::getline(columns, family.type, '\t');
    std::getline(columns, labels);
    std::istringstream list(labels);
    for (std::string label; std::getline(list, label, ',');) {
      family.labels.insert(label);
    }
    out[name] = family;
  }
  return out;
}

std::string exposition(Dialect dialect = Dialect::kNew) {
  static const Tokenizer tokenizer;
  Engine engine(EngineRules{});
  engine.submit({{1, 2}, TextGenerator(tokenizer, 1, false), 3, 0, true}, TimePoint());
  engine.submit({{1, 2}, TextGenerator(tokenizer, 1, false), 9, 0, true}, TimePoint());
  while (engine.next(TimePoint(std::chrono::milliseconds(90)))) {
  }
  const Engine idle{EngineRules{}};
  const std::array<const Engine*, 2> engines = {&engine, &idle};
  MetricsLabels labels{"a \"model\"", 1'795'399'128.5, dialect, 0, 7};
  return metrics_text(engines, labels);
}

TEST(MetricsTextTest, ShowsFamiliesOfARealServerWithItsTypesAndLabels) {
  const auto recorded = recorded_families();
  ASSERT_GT(recorded.size(), 60U);
  std::map<std::string, std::string> types;
  std::istringstream lines(exposition());
  const std::regex sample(R"re(([a-z0-9:_]+)\{(.*)\} ([-+.0-9e]+|\+Inf))re");
  const std::regex label(R"re(([a-z_]+)="((?:[^"\\]|\\.)*)"(,|$))re");
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    SCOPED_TRACE(line);
    std::istringstream words(line);
    std::string hash;
    std::string kind;
    if (line.starts_with("# ")) {
      words >> hash >> kind >> family;
      if (kind == "TYPE") words >> types[family];
      continue;
    }
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, sample));
    EXPECT_TRUE(match[1].str().starts_with(family));
    ASSERT_TRUE(recorded.contains(family));
    EXPECT_EQ(types[family], recorded.at(family).type);
    std::set<std::string> labels;
    const std::string list = match[2];
    for (std::sregex_iterator at(list.begin(), list.end(), label), end; at != end; ++at) {
      labels.insert((*at)[1]);
    }
    for (const std::string& name : labels) {
      EXPECT_TRUE(recorded.at(family).labels.contains(name)) << name;
    }
    EXPECT_EQ(labels.contains("engine"), recorded.at(family).labels.contains("engine"));
    EXPECT_EQ(labels.contains("model_name"), recorded.at(family).labels.contains("model_name"));
  }
  for (const auto& [name, recorded_family] : recorded) {
    if (!name.starts_with("vllm:")) continue;
    EXPECT_TRUE(types.contains(name)) << name;
  }
}

TEST(MetricsTextTest, CountsWhatAProfiledEngineDid) {
  static const Tokenizer tokenizer;
  EngineRules rules;
  rules.profile = engine::builtin_profile("llama-8b-h100");
  Engine engine(rules);
  const std::vector<TokenId> prompt(100, 7);
  for (int second = 0; second < 3; ++second) {
    engine.submit({prompt, TextGenerator(tokenizer, 1, false), 4, 0, true, 0, 0, 2},
                  TimePoint(std::chrono::seconds(second)));
    while (engine.next(TimePoint(std::chrono::milliseconds(1000 * second + 20)))) {
    }
    if (second == 2) break;
    while (engine.next(TimePoint(std::chrono::seconds(second + 1)))) {
    }
  }
  const std::array<const Engine*, 1> engines = {&engine};
  MetricsLabels labels{"m", 1};
  labels.max_model_len = 8192;
  const std::string text = metrics_text(engines, labels);
  const auto value = [&text](const std::string& series) {
    const std::size_t at = text.find("\n" + series + " ");
    EXPECT_NE(at, std::string::npos) << series;
    return std::stod(text.substr(at + series.size() + 2));
  };
  const auto plain = [&value](const std::string& name) {
    return value("vllm:" + name + R"({engine="0",model_name="m"})");
  };
  EXPECT_EQ(plain("num_requests_running"), 1);
  EXPECT_NEAR(plain("kv_cache_usage_perc"), 7.0 / 28'934, 1e-9);
  EXPECT_EQ(plain("prefix_cache_queries_total"), 300);
  EXPECT_EQ(plain("prefix_cache_hits_total"), 192);
  EXPECT_EQ(plain("prompt_tokens_total"), 300);
  EXPECT_EQ(plain("prompt_tokens_cached_total"), 192);
  EXPECT_EQ(value(R"(vllm:prompt_tokens_by_source_total{engine="0",model_name="m",)"
                  R"(source="local_compute"})"),
            108);
  EXPECT_EQ(plain("num_preemptions_total"), 0);
  EXPECT_EQ(plain("request_params_n_sum"), 4);
  EXPECT_EQ(plain("request_prefill_kv_computed_tokens_sum"), 104);
  EXPECT_NE(text.find(R"(kv_cache_size_tokens="462944")"), std::string::npos);
  EXPECT_NE(text.find(R"(num_gpu_blocks="28934")"), std::string::npos);
}

TEST(MetricsTextTest, ShowsTheFiguresOfTheEngine) {
  const std::string text = exposition();
  const auto has = [&text](std::string_view line) {
    return text.find(std::string(line) + "\n") != std::string::npos;
  };
  constexpr std::string_view kModel = R"({engine="0",model_name="a \"model\""} )";
  EXPECT_TRUE(has("vllm:num_requests_running" + std::string(kModel) + "1.0"));
  EXPECT_TRUE(has("vllm:num_requests_waiting" + std::string(kModel) + "0.0"));
  EXPECT_TRUE(has("vllm:prompt_tokens_total" + std::string(kModel) + "4.0"));
  EXPECT_TRUE(has("vllm:generation_tokens_total" + std::string(kModel) + "8.0"));
  EXPECT_TRUE(has(R"(vllm:num_requests_running{engine="1",model_name="a \"model\""} 0.0)"));
  EXPECT_TRUE(has(R"(vllm:admission_rejections_total{model_name="a \"model\"",)"
                  R"(reason="max_num_queued_reqs"} 7.0)"));
  EXPECT_TRUE(has("vllm:prompt_tokens_created" + std::string(kModel) + "1.7953991285e+09"));
  EXPECT_TRUE(has(R"(vllm:request_success_total{engine="0",finished_reason="length",)"
                  R"(model_name="a \"model\""} 1.0)"));
  EXPECT_TRUE(has(R"(vllm:time_to_first_token_seconds_bucket{engine="0",le="0.04",)"
                  R"(model_name="a \"model\""} 0.0)"));
  EXPECT_TRUE(has(R"(vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",)"
                  R"(model_name="a \"model\""} 2.0)"));
}

TEST(MetricsTextTest, LeavesOutWhatOldVersionsDoNotHave) {
  const std::string now = exposition();
  const std::string then = exposition(Dialect::kOld);
  for (const char* name : {"vllm:engine_sleep_state", "vllm:num_requests_waiting_by_reason",
                           "vllm:prompt_tokens_cached_total"}) {
    EXPECT_NE(now.find(name), std::string::npos) << name;
    EXPECT_EQ(then.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(now.find("vllm:time_per_output_token_seconds"), std::string::npos);
  EXPECT_NE(then.find("vllm:time_per_output_token_seconds_count"), std::string::npos);
}

TEST(MetricsTextTest, WritesNumbersAsThePythonClientDoes) {
  EXPECT_EQ(metrics_number(0), "0.0");
  EXPECT_EQ(metrics_number(78120), "78120.0");
  EXPECT_EQ(metrics_number(1'048'576), "1.048576e+06");
  EXPECT_EQ(metrics_number(1'795'399'128.5), "1.7953991285e+09");
  EXPECT_EQ(metrics_number(0.0014650225857648635), "0.0014650225857648635");
}

}  // namespace
}  // namespace olla::sim
