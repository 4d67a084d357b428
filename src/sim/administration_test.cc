#include "sim/administration.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/api.h"

namespace olla::sim {
namespace {

using nlohmann::json;

class AdministrationTest : public testing::Test {
 protected:
  static ApiOptions options(bool dev_mode = true) {
    ApiOptions out;
    out.models = {"tiny"};
    out.dev_mode = dev_mode;
    out.lora_updating = dev_mode;
    return out;
  }

  Reply ask(std::string_view method, std::string_view target, const json& body = nullptr) {
    const std::string text = body.is_null() ? "" : body.dump();
    return api_.handle({method, target, "sim", "application/json", "mine", text}, {});
  }

  std::string answer(std::string_view method, std::string_view target, const json& body = nullptr) {
    const Reply reply = ask(method, target, body);
    return std::get<Answer>(reply).body;
  }

  std::unique_ptr<Generation> chat(bool stream) {
    const json body = {{"messages", {{{"role", "user"}, {"content", "hi"}}}}, {"stream", stream}};
    return std::get<std::unique_ptr<Generation>>(ask("POST", "/v1/chat/completions", body));
  }

  void advance(int ms) { api_.advance(TimePoint(std::chrono::milliseconds(ms))); }

  bool metrics_have(std::string_view line) {
    return answer("GET", "/metrics").find(std::string(line) + "\n") != std::string::npos;
  }

  Api api_{options(), {}};
};

TEST_F(AdministrationTest, LetsRequestsWaitUnseenWhileItSleeps) {
  EXPECT_EQ(answer("POST", "/sleep?level=1"), R"({"status":"sleeping","level":1})");
  EXPECT_EQ(answer("GET", "/is_sleeping"), R"({"is_sleeping":true})");
  const auto generation = chat(false);
  const auto leaving = chat(false);
  advance(10'000'000);
  EXPECT_FALSE(generation->done());
  EXPECT_EQ(api_.stats().running + api_.stats().waiting, 0U);
  EXPECT_EQ(std::get<Answer>(ask("GET", "/health")).status, 200);
  constexpr std::string_view kSleep = R"(vllm:engine_sleep_state{engine="0",model_name="tiny",)";
  EXPECT_TRUE(metrics_have(std::string(kSleep) + R"(sleep_state="awake"} 0.0)"));
  EXPECT_TRUE(metrics_have(std::string(kSleep) + R"(sleep_state="weights_offloaded"} 1.0)"));
  api_.leave(*leaving, {});
  EXPECT_EQ(answer("POST", "/wake_up"), R"({"status":"awake","tags":null})");
  EXPECT_EQ(answer("GET", "/is_sleeping"), R"({"is_sleeping":false})");
  EXPECT_TRUE(metrics_have(std::string(kSleep) + R"(sleep_state="awake"} 1.0)"));
  EXPECT_EQ(api_.stats().running, 1U);
  advance(20'000'000);
  EXPECT_TRUE(generation->done());
}

TEST_F(AdministrationTest, AbortsWhatRunsWhenItIsPaused) {
  const auto whole = chat(false);
  const auto stream = chat(true);
  advance(60);
  EXPECT_EQ(answer("POST", "/pause?mode=abort"), R"({"status":"paused"})");
  EXPECT_EQ(answer("GET", "/is_paused"), R"({"is_paused":true})");
  ASSERT_TRUE(whole->done());
  EXPECT_EQ(json::parse(whole->answer().body)["choices"][0]["finish_reason"], "abort");
  std::vector<std::string> events;
  while (auto event = stream->take_event()) {
    events.push_back(std::move(*event));
  }
  EXPECT_NE(events.at(events.size() - 2).find("\"finish_reason\":\"abort\""), std::string::npos);
  EXPECT_EQ(events.back(), "data: [DONE]\n\n");
  const auto held = chat(false);
  EXPECT_EQ(answer("POST", "/resume"), R"({"status":"resumed"})");
  EXPECT_EQ(api_.stats().running, 1U);
  api_.leave(*held, {});
}

TEST_F(AdministrationTest, StaysHeldUntilBothReasonsAreGone) {
  answer("POST", "/sleep");
  answer("POST", "/pause?mode=keep");
  const auto generation = chat(false);
  answer("POST", "/wake_up");
  EXPECT_EQ(api_.stats().running, 0U);
  answer("POST", "/resume");
  EXPECT_EQ(api_.stats().running, 1U);
  api_.leave(*generation, {});
}

TEST_F(AdministrationTest, AbortsRequestsByTheirIds) {
  const auto generation = chat(true);
  EXPECT_EQ(answer("POST", "/abort_requests", {{"request_ids", {"other", 5}}}),
            R"({"status":"aborted","aborted":0})");
  EXPECT_EQ(answer("POST", "/abort_requests", {{"request_ids", {"chatcmpl-mine"}}}),
            R"({"status":"aborted","aborted":1})");
  EXPECT_TRUE(generation->done());
  EXPECT_EQ(api_.stats().running, 0U);
}

TEST_F(AdministrationTest, LoadsAndUnloadsAdapters) {
  const json lora = {{"lora_name", "sql"}, {"lora_path", "./sql"}};
  constexpr std::string_view kLoad = "/v1/load_lora_adapter";
  EXPECT_EQ(answer("POST", kLoad, lora), "Success: LoRA adapter 'sql' added successfully.");
  EXPECT_NE(answer("POST", kLoad, lora).find("has already been loaded."), std::string::npos);
  json again = lora;
  again["load_inplace"] = true;
  EXPECT_EQ(answer("POST", kLoad, again), "Success: LoRA adapter 'sql' added successfully.");
  EXPECT_NE(answer("GET", "/v1/models").find(R"("id":"sql")"), std::string::npos);
  EXPECT_NE(answer("POST", kLoad, {{"lora_name", "x"}}).find("body.lora_path"), std::string::npos);
  EXPECT_NE(answer("POST", kLoad, {{"lora_name", ""}, {"lora_path", ""}}).find("must be provided"),
            std::string::npos);
  constexpr std::string_view kUnload = "/v1/unload_lora_adapter";
  EXPECT_EQ(answer("POST", kUnload, lora), "Success: LoRA adapter 'sql' removed successfully.");
  EXPECT_EQ(answer("POST", kUnload, lora),
            R"({"error":{"message":"The lora adapter 'sql' cannot be found.",)"
            R"("type":"NotFoundError","param":null,"code":404}})");
}

TEST_F(AdministrationTest, ExistsOnlyInDevelopmentMode) {
  Api plain(options(false), {});
  for (const std::string_view path : {"/sleep", "/pause", "/resume", "/v1/load_lora_adapter"}) {
    const Reply reply = plain.handle({"POST", path, "sim", {}, {}, {}}, {});
    EXPECT_EQ(std::get<Answer>(reply).status, 404) << path;
  }
  EXPECT_EQ(answer("POST", "/reset_prefix_cache"), R"({"success":true})");
  EXPECT_NE(answer("GET", "/server_info").find("vllm_config"), std::string::npos);
}

}  // namespace
}  // namespace olla::sim
