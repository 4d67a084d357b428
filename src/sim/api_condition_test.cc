#include <gtest/gtest.h>

#include "sim/api_fixture.h"

namespace olla::sim {
namespace {

TEST_F(ApiTest, RefusesMoreThanItMayQueue) {
  ApiOptions few = options();
  few.rules.max_num_seqs = 2;
  few.rules.max_num_queued_reqs = 4;
  Api api(few, {});
  const std::string body = chat("hi").dump();
  const ApiRequest request{"POST", kChat, "sim", "application/json", {}, body};
  std::vector<Reply> replies;
  for (int i = 0; i < 5; ++i) {
    replies.push_back(api.handle(request, {}));
  }
  EXPECT_EQ(api.stats().waiting, 2U);
  const Answer refused = std::get<Answer>(replies.back());
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body,
            R"({"error":{"message":"The engine is currently busy and cannot accept new requests. )"
            R"(Please try again later or on a different instance.","type":"Service Unavailable",)"
            R"("param":null,"code":503}})");
  replies.pop_back();
  api.leave(*std::get<std::unique_ptr<Generation>>(replies.front()), {});
  EXPECT_TRUE(std::holds_alternative<std::unique_ptr<Generation>>(
      replies.emplace_back(api.handle(request, {}))));
  for (const Reply& reply : replies) {
    api.leave(*std::get<std::unique_ptr<Generation>>(reply), {});
  }
}

TEST_F(ApiTest, FinishesWhatRunsAndBeginsNothingWhileItDrains) {
  const auto running = start(kChat, chat("hi"));
  EXPECT_EQ(std::get<Answer>(post("/sim/drain", {})).status, 200);
  const Answer refused = std::get<Answer>(post(kChat, chat("hi")));
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body, R"({"error":{"message":"cannot schedule new futures after shutdown",)"
                          R"("type":"InternalServerError","param":null,"code":500}})");
  EXPECT_EQ(std::get<Answer>(post(kCompletions, {{"prompt", "hi"}})).status, 500);
  EXPECT_EQ(std::get<Answer>(get("/health")).status, 200);
  EXPECT_EQ(answer(kCompletions, {{"prompt", {60, 61}}})["object"], "text_completion");
  EXPECT_TRUE(running->done());
}

TEST_F(ApiTest, TellsEveryRequestThatTheEngineDied) {
  json body = chat("hi");
  const auto whole = start(kChat, body);
  body["stream"] = true;
  body["n"] = 2;
  const auto stream = start(kChat, body);
  api_.advance(at(55));
  post("/sim/kill_engine", {});
  EXPECT_EQ(api_.stats().running, 0U);
  EXPECT_TRUE(whole->done());
  EXPECT_EQ(whole->answer().status, 500);
  constexpr std::string_view kDead =
      R"({"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the )"
      R"(root cause.","type":"InternalServerError","param":null,"code":500}})";
  EXPECT_EQ(whole->answer().body, kDead);
  std::vector<std::string> all;
  while (auto event = stream->take_event()) {
    all.push_back(std::move(*event));
  }
  ASSERT_EQ(all.size(), 2 + 2 + 2U);  // roles, first tokens, the end
  EXPECT_EQ(all[4],
            "data: {\"error\": {\"message\": \"EngineCore encountered an issue. See stack trace "
            "(above) for the root cause.\", \"type\": \"InternalServerError\", \"param\": null, "
            "\"code\": 500}}\n\n");
  EXPECT_EQ(all[5], "data: [DONE]\n\n");
  EXPECT_EQ(std::get<Answer>(post(kChat, chat("hi"))).body, kDead);
  const Answer health = std::get<Answer>(get("/health"));
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.body, "");
}

TEST_F(OldApiTest, TellsThatTheEngineDiedInItsOwnWords) {
  json body = chat("hi");
  body["stream"] = true;
  const auto stream = start(kChat, body);
  post("/sim/kill_engine", {});
  EXPECT_NE(stream->take_event()->find(R"("type": "BadRequestError", "param": null, "code": 400)"),
            std::string::npos);
  EXPECT_EQ(error(kChat, chat("hi"))["type"], "Internal Server Error");
}

TEST_F(ApiTest, NeitherGoesOnNorEndsWhenItHangs) {
  json body = chat("hi");
  body["stream"] = true;
  const auto stream = start(kChat, body);
  api_.advance(at(50));
  while (stream->take_event()) {
  }
  post("/sim/hang", {});
  EXPECT_EQ(api_.next_time(), std::nullopt);
  api_.advance(at(10'000));
  EXPECT_FALSE(stream->has_event());
  EXPECT_FALSE(stream->done());
  api_.leave(*stream, at(10'000));
  EXPECT_EQ(api_.stats().running, 0U);
}

class LeavingListener : public GenerationListener {
 public:
  LeavingListener(Api& api, std::unique_ptr<Generation>& generation)
      : api_(api), generation_(generation) {}
  void on_ready() override {
    api_.leave(*generation_, {});
    generation_.reset();
  }

 private:
  Api& api_;
  std::unique_ptr<Generation>& generation_;
};

TEST_F(ApiTest, LetsAListenerDestroyTheGeneration) {
  json body = chat("hi");
  body["stream"] = true;
  body["n"] = 2;
  auto generation = start(kChat, body);
  LeavingListener listener(api_, generation);
  generation->set_listener(&listener);
  api_.advance(at(1000));
  EXPECT_EQ(generation, nullptr);
  EXPECT_EQ(api_.stats().aborted, 2U);
}

}  // namespace
}  // namespace olla::sim
