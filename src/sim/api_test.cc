#include "sim/api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "sim/api_fixture.h"

namespace olla::sim {
namespace {

using std::chrono::milliseconds;

std::string streamed_text(const std::vector<json>& events, std::size_t index = 0) {
  std::string out;
  for (const json& event : events) {
    for (const json& choice : event["choices"]) {
      if (choice["index"] != index) continue;
      out += choice.contains("delta") ? choice["delta"]["content"].get<std::string>()
                                      : choice["text"].get<std::string>();
    }
  }
  return out;
}

TEST_F(ApiTest, StreamsOneEventPerTokenAtTheTimesOfTheEngine) {
  json body = chat("hello");
  body["stream"] = true;
  body["max_tokens"] = 3;
  const auto generation = start(kChat, body);
  EXPECT_EQ(api_.next_time(), at(50));
  api_.advance(at(49));
  EXPECT_FALSE(generation->has_event());
  api_.advance(at(50));
  EXPECT_NE(generation->take_event()->find("\"role\":\"assistant\""), std::string::npos);
  EXPECT_NE(generation->take_event()->find("\"content\":\""), std::string::npos);
  EXPECT_FALSE(generation->has_event());
  api_.advance(at(60));
  EXPECT_TRUE(generation->take_event());
  EXPECT_FALSE(generation->has_event());
  api_.advance(at(70));
  EXPECT_NE(generation->take_event()->find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_EQ(generation->take_event(), "data: [DONE]\n\n");
  EXPECT_TRUE(generation->done());
  EXPECT_FALSE(generation->take_event());
}

TEST_F(ApiTest, GivesTheSameTextStreamedAndNotAndOnEveryServer) {
  const json body = chat("Tell me about caches");
  const json whole = answer(kChat, body);
  const std::string text = whole["choices"][0]["message"]["content"];
  EXPECT_EQ(streamed_text(events(kChat, body)), text);
  EXPECT_EQ(whole["choices"][0]["finish_reason"], "stop");

  ApiOptions other = options();
  other.models = {"another"};
  other.id_seed = 99;
  Api second(other, {at(77), 5});
  const std::string sent = body.dump();
  Reply reply =
      second.handle({"POST", kChat, "sim", "application/json", {}, sent}, {at(500), 2000});
  auto& generation = std::get<std::unique_ptr<Generation>>(reply);
  second.advance(at(1'000'000));
  const json elsewhere = json::parse(generation->answer().body);
  EXPECT_EQ(elsewhere["choices"][0]["message"]["content"], text);
  EXPECT_NE(elsewhere["id"], whole["id"]);
}

TEST_F(ApiTest, LetsTheSeedDecideTheText) {
  json body = chat("hi");
  const json plain = answer(kChat, body)["choices"];
  body["seed"] = 42;
  const json seeded = answer(kChat, body)["choices"];
  EXPECT_NE(seeded, plain);
  EXPECT_EQ(answer(kChat, body)["choices"], seeded);
  EXPECT_NE(answer(kChat, chat("ho"))["choices"], plain);
}

TEST_F(ApiTest, AnswersNTimesDifferently) {
  json body = chat("hi");
  body["n"] = 3;
  body["stream_options"] = {{"include_usage", true}};
  const auto all = events(kChat, body);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i]["choices"][0]["index"], i);
    EXPECT_EQ(all[i]["choices"][0]["delta"]["role"], "assistant");
  }
  EXPECT_NE(streamed_text(all, 0), streamed_text(all, 1));
  EXPECT_NE(streamed_text(all, 1), streamed_text(all, 2));
  EXPECT_TRUE(all.back()["choices"].empty());
  const json& usage = all.back()["usage"];
  EXPECT_EQ(usage["total_tokens"],
            usage["prompt_tokens"].get<int>() + usage["completion_tokens"].get<int>());

  body.erase("stream_options");
  const json whole = answer(kChat, body);
  EXPECT_EQ(whole["choices"][1]["message"]["content"], streamed_text(all, 1));
  EXPECT_EQ(whole["usage"]["completion_tokens"], usage["completion_tokens"]);
  EXPECT_EQ(whole["usage"]["prompt_tokens"], usage["prompt_tokens"]);
}

TEST_F(ApiTest, CutsAtAStopStringThatCrossesTokens) {
  json body = chat("hi");
  const std::string text = answer(kChat, body)["choices"][0]["message"]["content"];
  // From the middle of one word to the middle of the next but one.
  const std::size_t space = text.find(' ', 10);
  const std::string stop = text.substr(space - 2, 5);
  const std::size_t cut = text.find(stop);
  body["stop"] = stop;
  const json choice = answer(kChat, body)["choices"][0];
  EXPECT_EQ(choice["message"]["content"], text.substr(0, cut));
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["stop_reason"], stop);

  const auto all = events(kChat, body);
  EXPECT_EQ(streamed_text(all), text.substr(0, cut));
  EXPECT_EQ(all.back()["choices"][0]["stop_reason"], stop);
  EXPECT_EQ(api_.stats().running, 0U);

  body["include_stop_str_in_output"] = true;
  EXPECT_EQ(streamed_text(events(kChat, body)), text.substr(0, cut) + stop);
}

TEST_F(ApiTest, HoldsMinTokensAgainstStopStringsAndTheEnd) {
  json body = chat("hi");
  body["stop"] = "e";
  body["min_tokens"] = 150;
  body["max_tokens"] = 200;
  EXPECT_GT(answer(kChat, body)["usage"]["completion_tokens"].get<int>(), 150);
}

TEST_F(ApiTest, GoesOnToTheLimitWithIgnoreEos) {
  json body = chat("hi");
  body["ignore_eos"] = true;
  body["max_tokens"] = 500;
  const json whole = answer(kChat, body);
  EXPECT_EQ(whole["usage"]["completion_tokens"], 500);
  EXPECT_EQ(whole["choices"][0]["finish_reason"], "length");
}

TEST_F(ApiTest, CutsTheAnswerToWhatFitsTheContext) {
  json body = chat("hi");
  body["ignore_eos"] = true;
  const json usage = answer(kChat, body)["usage"];
  EXPECT_EQ(usage["total_tokens"], 8192);
  EXPECT_GT(usage["prompt_tokens"].get<int>(), 0);
}

TEST_F(ApiTest, RefusesAPromptThatDoesNotFit) {
  std::string words;
  for (int i = 0; i < 9000; ++i) {
    words += " the";
  }
  const json from_text = error(kChat, chat(words));
  EXPECT_EQ(from_text["param"], "input_tokens");
  EXPECT_NE(from_text["message"].get<std::string>().find("at least 8193 input tokens"),
            std::string::npos);
  const json ids = {{"prompt", std::vector<int>(9000, 60)}};
  EXPECT_NE(error(kCompletions, ids)["message"].get<std::string>().find("contains 9000 input"),
            std::string::npos);
  EXPECT_EQ(error(kCompletions, {{"prompt", std::vector<int>(8192, 60)}})["param"], "input_tokens");
}

TEST_F(ApiTest, EchoesThePromptInTheFirstEvent) {
  const json body = {{"prompt", "The quick"}, {"max_tokens", 2}, {"echo", true}};
  const auto all = events(kCompletions, body);
  EXPECT_TRUE(all[0]["choices"][0]["text"].get<std::string>().starts_with("The quick "));
  EXPECT_EQ(streamed_text(all), answer(kCompletions, body)["choices"][0]["text"]);
}

TEST_F(ApiTest, TellsTheSameLogprobsStreamedAndNot) {
  const json body = {{"prompt", "The quick"}, {"max_tokens", 5}, {"echo", true}, {"logprobs", 3}};
  const json whole = answer(kCompletions, body)["choices"][0]["logprobs"];
  json joined = {{"text_offset", json::array()},
                 {"tokens", json::array()},
                 {"token_logprobs", json::array()},
                 {"top_logprobs", json::array()}};
  for (const json& event : events(kCompletions, body)) {
    for (const auto& [key, list] : event["choices"][0]["logprobs"].items()) {
      joined[key].insert(joined[key].end(), list.begin(), list.end());
    }
  }
  EXPECT_EQ(joined, whole);
  EXPECT_EQ(whole["text_offset"][1], 3);
  EXPECT_EQ(whole["top_logprobs"][1].size(), 3U);
}

TEST_F(ApiTest, CountsUsageInEveryEventWhenAsked) {
  json body = chat("hi");
  body["max_tokens"] = 2;
  body["stream_options"] = {{"include_usage", true}, {"continuous_usage_stats", true}};
  std::vector<int> counts;
  for (const json& event : events(kChat, body)) {
    counts.push_back(event["usage"]["completion_tokens"]);
  }
  EXPECT_EQ(counts, (std::vector<int>{0, 1, 2, 2}));
}

TEST_F(ApiTest, AcceptsEveryServedNameAndAnswersWithTheFirst) {
  json body = chat("hi");
  body["model"] = "llama-alias";
  EXPECT_EQ(answer(kChat, body)["model"], "llama");
  body["model"] = "gpt";
  EXPECT_EQ(error(kChat, body)["message"],
            "The model `gpt` does not exist. Valid aliases: llama, llama-alias.");
}

TEST_F(ApiTest, ServesAdaptersUnderTheirOwnNames) {
  ApiOptions with = options();
  with.loras = {{"llama-sql", "./sql"}};
  Api api(with, {});
  const Reply list = api.handle({"GET", "/v1/models", "sim", {}, {}, {}}, {{}, 7});
  const json data = json::parse(std::get<Answer>(list).body)["data"];
  ASSERT_EQ(data.size(), 3U);
  EXPECT_EQ(data[1]["id"], "llama-alias");
  EXPECT_EQ(data[1]["root"], "llama");
  EXPECT_EQ(data[1]["parent"], nullptr);
  EXPECT_EQ(data[2]["id"], "llama-sql");
  EXPECT_EQ(data[2]["root"], "./sql");
  EXPECT_EQ(data[2]["parent"], "llama");
  EXPECT_EQ(data[2]["max_model_len"], nullptr);
  json body = chat("hi");
  body["model"] = "llama-sql";
  const std::string text = body.dump();
  Reply reply = api.handle({"POST", kChat, "sim", "application/json", {}, text}, {});
  auto& generation = std::get<std::unique_ptr<Generation>>(reply);
  api.advance(at(10'000'000));
  EXPECT_EQ(json::parse(generation->answer().body)["model"], "llama-sql");
}

TEST_F(ApiTest, SpreadsRequestsOverItsEngines) {
  ApiOptions two = options();
  two.data_parallel_size = 2;
  two.load_tracking = true;
  Api api(two, {});
  json body = chat("hi");
  body["n"] = 2;
  const std::string text = body.dump();
  std::vector<Reply> replies;
  for (int i = 0; i < 3; ++i) {
    replies.push_back(api.handle({"POST", kChat, "sim", "application/json", {}, text}, {}));
  }
  EXPECT_EQ(api.stats(0).running, 4U);
  EXPECT_EQ(api.stats(1).running, 2U);
  const Reply load = api.handle({"GET", "/load", "sim", {}, {}, {}}, {});
  EXPECT_EQ(std::get<Answer>(load).body, R"({"server_load":3})");
  api.leave(*std::get<std::unique_ptr<Generation>>(replies[1]), {});
  EXPECT_EQ(api.stats(1).running, 0U);
  api.advance(at(10'000'000));
  EXPECT_EQ(api.stats(0).finished[0] + api.stats(0).finished[1], 4U);
  EXPECT_TRUE(std::get<std::unique_ptr<Generation>>(replies[2])->done());
}

TEST_F(ApiTest, AbortsWhatRunsWhenTheClientLeaves) {
  json body = chat("hi");
  body["n"] = 2;
  const auto generation = start(kChat, body);
  api_.advance(at(60));
  EXPECT_EQ(api_.stats().running, 2U);
  api_.leave(*generation, at(61));
  EXPECT_EQ(api_.stats().running, 0U);
  EXPECT_EQ(api_.stats().aborted, 2U);
  api_.advance(at(100'000));  // nothing is left that would touch the generation
  EXPECT_FALSE(generation->done());
}

TEST_F(ApiTest, WritesExactlyWhatAConstraintAllows) {
  json body = chat("Is it?");
  body["structured_outputs"] = {{"choice", {"Yes, of course", "No, never"}}};
  body["min_tokens"] = 2;
  const json whole = answer(kChat, body);
  const std::string text = whole["choices"][0]["message"]["content"];
  EXPECT_TRUE(text == "Yes, of course" || text == "No, never");
  EXPECT_EQ(whole["choices"][0]["finish_reason"], "stop");
  const auto all = events(kChat, body);
  EXPECT_EQ(streamed_text(all), text);
  // The role, one event per token, and the end.
  EXPECT_EQ(all.size(), 1 + whole["usage"]["completion_tokens"].get<std::size_t>());

  body["max_tokens"] = 2;
  EXPECT_EQ(answer(kChat, body)["choices"][0]["finish_reason"], "length");
  body["structured_outputs"] = {{"regex", "[0-9"}};
  EXPECT_TRUE(error(kChat, body)["message"].get<std::string>().starts_with("Grammar error: "));
}

TEST_F(ApiTest, ConstrainsEachOfSeveralAnswers) {
  const json body = {
      {"prompt", {"a", "b"}}, {"n", 4}, {"structured_outputs", {{"regex", "[a-z]{5}[0-9]{5}"}}}};
  std::set<std::string> texts;
  const json whole = answer(kCompletions, body);
  for (const json& choice : whole["choices"]) {
    EXPECT_EQ(choice["text"].get<std::string>().size(), 10U);
    texts.insert(choice["text"]);
  }
  EXPECT_EQ(texts.size(), 8U);
}

TEST_F(ApiTest, HasNoRoutesOfAnotherService) {
  ApiOptions only = options();
  for (const Service service : {Service::kGenerate, Service::kEmbed}) {
    only.service = service;
    Api api(only, {});
    const bool embeds = service == Service::kEmbed;
    for (const std::string_view path : {kChat, kCompletions, std::string_view("/v1/embeddings")}) {
      const Reply reply = api.handle({"POST", path, "sim", "application/json", {}, "{}"}, {});
      const bool has = embeds == (path == "/v1/embeddings");
      EXPECT_EQ(std::get<Answer>(reply).status, has ? 400 : 404) << path;
      const bool absent = std::get<Answer>(reply).body == R"({"detail":"Not Found"})";
      EXPECT_EQ(absent, !has);
    }
    const Reply shared = api.handle({"GET", "/v1/models", "sim", {}, {}, {}}, {});
    EXPECT_EQ(std::get<Answer>(shared).status, 200);
  }
}

TEST_F(OldApiTest, RefusesAnotherServiceWithTheStatusOfASuccess) {
  ApiOptions only = options("0.11.0");
  only.service = Service::kGenerate;
  Api api(only, {});
  const ApiRequest request{"POST", "/v1/embeddings",  "sim", "application/json",
                           {},     R"({"input":"x"})"};
  const Reply reply = api.handle(request, {});
  EXPECT_EQ(std::get<Answer>(reply).status, 200);
  EXPECT_EQ(std::get<Answer>(reply).body,
            R"({"error":{"message":"The model does not support Embeddings API",)"
            R"("type":"BadRequestError","param":null,"code":400}})");
}

TEST_F(ApiTest, IgnoresWhatOnlyAnOldVersionKnows) {
  json body = chat("hi");
  const json plain = answer(kChat, body)["choices"];
  body["guided_choice"] = {"yes"};
  body["best_of"] = 3;
  EXPECT_EQ(answer(kChat, body)["choices"], plain);
}

TEST_F(OldApiTest, FollowsGuidedParameters) {
  json body = chat("hi");
  body["guided_choice"] = {"yes"};
  EXPECT_EQ(answer(kChat, body)["choices"][0]["message"]["content"], "yes");
  body["guided_choice"] = nullptr;
  body["best_of"] = 3;
  EXPECT_EQ(error(kChat, body)["message"], "vLLM V1 does not yet support best_of.");
}

TEST_F(OldApiTest, RefusesAnAnswerThatCannotFit) {
  json body = chat("hi");
  body["max_tokens"] = 8190;
  EXPECT_TRUE(error(kChat, body)["message"].get<std::string>().starts_with(
      "'max_tokens' or 'max_completion_tokens' is too large: 8190. This model's maximum context "
      "length is 8192 tokens and your request has "));
  EXPECT_EQ(error(kCompletions, {{"prompt", {60, 60, 60}}, {"max_tokens", 100'000}})["message"],
            "This model's maximum context length is -91808 tokens. However, your request has 3 "
            "input tokens. Please reduce the length of the input messages.");
}

TEST_F(ApiTest, RefusesToPromiseMoreAnswersThanItsLimit) {
  const json body = {{"prompt", std::vector<std::string>(3, "x")}, {"n", 16000}};
  EXPECT_EQ(error(kCompletions, body)["code"], 400);
}

TEST_F(ApiTest, ReportsUnreadableBodies) {
  const auto refused = [this](std::string_view body) {
    Reply reply = api_.handle({"POST", kChat, "sim", "application/json", {}, body}, {});
    return std::get<Answer>(reply);
  };
  EXPECT_EQ(refused("{\"messages\":\"\xFF\"}").body,
            R"({"detail":"There was an error parsing the body"})");
  EXPECT_NE(refused("{\"a\" 1}").body.find("body.5"), std::string::npos);
}

TEST_F(ApiTest, TokenizesAndBack) {
  Reply reply = post("/tokenize", {{"prompt", "Hello, this is a test"}});
  const json tokens = json::parse(std::get<Answer>(reply).body);
  EXPECT_EQ(tokens["count"], 6);
  EXPECT_EQ(tokens["tokens"].size(), 6U);
  reply = post("/detokenize", {{"tokens", tokens["tokens"]}});
  EXPECT_EQ(std::get<Answer>(reply).body, R"({"prompt":"Hello, this is a test"})");
  reply = post("/detokenize", {{"tokens", {-1}}});
  EXPECT_EQ(std::get<Answer>(reply).status, 400);
}

class ProfiledApiTest : public ApiTest {
 protected:
  ProfiledApiTest() : ApiTest(profiled()) {}

 private:
  static ApiOptions profiled() {
    ApiOptions out = options();
    out.prompt_tokens_details = true;
    out.rules.profile = engine::builtin_profile("llama-8b-h100");
    return out;
  }
};

TEST_F(ProfiledApiTest, TellsWhatOfAPromptWasCached) {
  json body = {{"prompt", std::vector<int>(100, 300)}, {"max_tokens", 3}};
  EXPECT_EQ(answer(kCompletions, body)["usage"]["prompt_tokens_details"],
            (json{{"cached_tokens", 0}, {"created_cache_tokens", 96}, {"multimodal_tokens", {}}}));
  const json usage = answer(kCompletions, body)["usage"];
  EXPECT_EQ(usage["prompt_tokens_details"],
            (json{{"cached_tokens", 96}, {"created_cache_tokens", 0}, {"multimodal_tokens", {}}}));
  EXPECT_EQ(usage["completion_tokens_details"], (json{{"reasoning_tokens", 0}}));
  body["stream_options"] = {{"include_usage", true}};
  EXPECT_EQ(events(kCompletions, body).back()["usage"]["prompt_tokens_details"],
            (json{{"cached_tokens", 96}, {"created_cache_tokens", 0}}));
  body.erase("stream_options");
  body["cache_salt"] = "mine";
  EXPECT_EQ(answer(kCompletions, body)["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

}  // namespace
}  // namespace olla::sim
