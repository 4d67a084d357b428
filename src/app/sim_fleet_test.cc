#include "app/sim_fleet.h"

#include <gtest/gtest.h>

namespace olla::app {
namespace {

std::string problems_of(std::string_view yaml) {
  const auto fleet = read_sim_fleet(yaml, "fleet.yaml", {});
  return fleet ? "" : fleet.error().detail;
}

TEST(SimFleetTest, ReadsEveryKey) {
  const auto fleet = read_sim_fleet(R"(
seed: 7
servers:
  - port: 9000
    count: 2
    models: [llama, alias]
    loras: [sql]
    faults: ["refuse,for=5s", reset]
    vllm_version: 0.11.0
    kind: generate
    ttft: 20ms
    itl: 1.5s
    dev_mode: true
    data_parallel_size: 2
    stream_interval: 4
    max_num_seqs: 3
    max_num_batched_tokens: 6
    num_gpu_blocks_override: 70
    max_num_queued_reqs: 4
    max_model_len: 1000
    scheduling_policy: priority
    enable_prefix_caching: false
    enable_prompt_tokens_details: true
    api_keys: [one, two]
    allowed_origins: ["http://a"]
    enable_request_id_headers: true
    enable_server_load_tracking: true
    enable_force_include_usage: true
    allow_runtime_lora_updating: true
    enable_scale_out: true
    enable_auto_tool_choice: true
    tool_call_parser: hermes
    reasoning_parser: qwen3
  - seed: 9
    profile: demo
)",
                                    "fleet.yaml", {});
  ASSERT_TRUE(fleet.has_value()) << fleet.error().detail;
  ASSERT_EQ(fleet->size(), 2U);
  const SimFlags& first = fleet->front();
  EXPECT_EQ(first.port, 9000);
  EXPECT_EQ(first.count, 2U);
  EXPECT_EQ(first.models, (std::vector<std::string>{"llama", "alias"}));
  EXPECT_EQ(first.loras, (std::vector<std::string>{"sql"}));
  EXPECT_EQ(first.faults, (std::vector<std::string>{"refuse,for=5s", "reset"}));
  EXPECT_EQ(first.vllm_version, "0.11.0");
  EXPECT_EQ(first.kind, "generate");
  EXPECT_EQ(first.ttft, std::chrono::milliseconds(20));
  EXPECT_EQ(first.itl, std::chrono::milliseconds(1500));
  EXPECT_TRUE(first.dev_mode);
  EXPECT_EQ(first.data_parallel_size, 2U);
  EXPECT_EQ(first.stream_interval, 4U);
  EXPECT_EQ(first.max_num_seqs, 3U);
  EXPECT_EQ(first.max_num_batched_tokens, 6U);
  EXPECT_EQ(first.num_gpu_blocks, 70U);
  EXPECT_EQ(first.max_num_queued_reqs, 4U);
  EXPECT_EQ(first.max_model_len, 1000U);
  EXPECT_EQ(first.policy, "priority");
  EXPECT_FALSE(first.prefix_caching);
  EXPECT_TRUE(first.prompt_tokens_details);
  EXPECT_EQ(first.api_keys, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(first.allowed_origins, (std::vector<std::string>{"http://a"}));
  EXPECT_TRUE(first.request_id_headers && first.load_tracking && first.force_usage);
  EXPECT_TRUE(first.lora_updating && first.scale_out);
  EXPECT_TRUE(first.auto_tool_choice);
  EXPECT_EQ(first.tool_call_parser, "hermes");
  EXPECT_EQ(first.reasoning_parser, "qwen3");
  EXPECT_EQ(first.seed, 7U);
  const SimFlags& second = fleet->back();
  EXPECT_EQ(second.seed, 9U);
  EXPECT_EQ(second.profile, "demo");
  EXPECT_TRUE(second.prefix_caching);
  EXPECT_EQ(second.models, SimFlags().models);
}

TEST(SimFleetTest, TakesFromTheCommandLineWhatAServerDoesNotSay) {
  SimFlags defaults;
  defaults.models = {"mine"};
  defaults.max_num_seqs = 5;
  defaults.count = 3;
  const auto fleet = read_sim_fleet("servers: [{port: 1}]", "fleet.yaml", defaults);
  ASSERT_TRUE(fleet.has_value());
  EXPECT_EQ(fleet->front().models, defaults.models);
  EXPECT_EQ(fleet->front().max_num_seqs, 5U);
  EXPECT_EQ(fleet->front().count, 1U);
}

TEST(SimFleetTest, PrefersAProfileToThePaceOfTheCommandLine) {
  SimFlags defaults;
  defaults.ttft = std::chrono::milliseconds(1);
  defaults.itl = std::chrono::milliseconds(2);
  const auto fleet = read_sim_fleet("servers: [{}, {profile: demo}, {itl: 3ms, profile: demo}]",
                                    "fleet.yaml", defaults);
  ASSERT_TRUE(fleet.has_value());
  EXPECT_EQ((*fleet)[0].ttft, defaults.ttft);
  EXPECT_EQ((*fleet)[1].ttft, std::nullopt);
  EXPECT_EQ((*fleet)[1].itl, std::nullopt);
  EXPECT_EQ((*fleet)[2].ttft, std::nullopt);
  EXPECT_EQ((*fleet)[2].itl, std::chrono::milliseconds(3));
}

TEST(SimFleetTest, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "servers: is missing"},
      {"servers: []", "servers: must be a list of servers"},
      {"servers: 5", "servers: must be a list of servers"},
      {"servers: [5]", "servers[0]: must be a map"},
      {"colour: 1\nservers: [{}]", "fleet.yaml:1: colour: is no known key"},
      {"seed: x\nservers: [{}]", "seed: must be a whole number"},
      {"servers:\n  - {}\n  - colour: 1", "fleet.yaml:3: servers[1].colour: is no known key"},
      {"servers: [{port: 65536}]", "servers[0].port: must be a whole number in its range"},
      {"servers: [{port: 65535, count: 2}]", "servers[0]: goes beyond port 65535"},
      {"servers: [{count: 0}]", "servers[0].count: must be a whole number in its range"},
      {"servers: [{models: []}]", "servers[0].models: must be a list of names"},
      {"servers: [{models: llama}]", "servers[0].models: must be a list of names"},
      {"servers: [{models: [\"\"]}]", "servers[0].models: must be a list of names"},
      {"servers: [{ttft: 5}]", "servers[0].ttft: must be a duration such as 50ms"},
      {"servers: [{kind: chat}]", "servers[0].kind: must be generate, embed,"},
      {"servers: [{dev_mode: 1}]", "servers[0].dev_mode: must be true or false"},
      {"servers: [{enable_prefix_caching: []}]", "enable_prefix_caching: must be true or false"},
      {"servers: [{scheduling_policy: lifo}]", "scheduling_policy: must be fcfs or priority"},
      {"servers: [{max_num_batched_tokens: 0}]", "must be a whole number in its range"},
      {"servers: [{num_gpu_blocks_override: x}]", "must be a whole number in its range"},
      {"servers: [{profile: []}]", "servers[0].profile: must be a name or a file"},
      {"servers: [{vllm_version: []}]", "servers[0].vllm_version: must be a version"},
  };
  for (const auto& [yaml, wanted] : cases) {
    EXPECT_NE(problems_of(yaml).find(wanted), std::string::npos) << yaml << "\n"
                                                                 << problems_of(yaml);
  }
}

TEST(SimFleetTest, SaysWhenThereIsNoFile) {
  const auto fleet = load_sim_fleet("/nonexistent/fleet.yaml", {});
  ASSERT_FALSE(fleet.has_value());
  EXPECT_EQ(fleet.error().detail, "/nonexistent/fleet.yaml: cannot be read");
}

}  // namespace
}  // namespace olla::app
