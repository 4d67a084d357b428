// A walk through random requests: what an answer tells in one place is what it tells in all others.

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "sim/api.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Tokens = std::vector<TokenId>;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kCompletions = "/v1/completions";
constexpr std::size_t kModelLength = 512;

/// JSON shows bytes that are no UTF-8 as replacements: so both sides of a comparison have to.
std::string shown(const std::string& text) {
  return json::parse(json_quoted(text)).get<std::string>();
}

std::uint64_t first_seed() {
  const char* text = std::getenv("OLLA_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

class ConsistencyTest : public testing::Test {
 protected:
  static ApiOptions options() {
    ApiOptions out;
    out.models = {"tiny"};
    out.rules.max_model_len = kModelLength;
    out.rules.ttft = out.rules.itl = {};
    out.prompt_tokens_details = true;
    return out;
  }

  json ask(std::string_view target, const json& body) {
    const std::string text = body.dump();
    Reply reply = api_.handle({"POST", target, "sim", "application/json", {}, text}, {});
    if (const auto* answer = std::get_if<Answer>(&reply)) return json::parse(answer->body);
    auto& generation = *std::get<std::unique_ptr<Generation>>(reply);
    now_ += std::chrono::hours(1);
    api_.advance(now_);
    json out = json::array();
    if (!generation.streamed()) out = json::parse(generation.answer().body);
    while (const auto event = generation.take_event()) {
      if (!event->starts_with("data: [DONE]")) out.push_back(json::parse(event->substr(6)));
    }
    api_.leave(generation, now_);
    return out;
  }

  std::string some_text(Random& random, std::size_t words) {
    std::string out;
    for (std::size_t i = 0; i < words; ++i) {
      const std::size_t word = random.below(api_.tokenizer().words());
      out += api_.tokenizer().text(api_.tokenizer().first_word() + static_cast<TokenId>(word));
      if (random.below(9) == 0) out += "\xC3\xA9, ";
    }
    return out;
  }

  TokenId some_token(Random& random) {
    return static_cast<TokenId>(3 + random.below(api_.tokenizer().size() - 3));
  }

  /// Parameters of all kinds, each in about a third of the requests.
  json request(Random& random, bool chat) {
    const auto third = [&random] { return random.below(3) == 0; };
    json body = {{"return_token_ids", true}, {"seed", random.below(1000)}};
    const std::string prompt = some_text(random, 1 + random.below(60));
    if (chat) {
      body["messages"] = {{{"role", "user"}, {"content", prompt}}};
    } else {
      body["prompt"] = prompt;
      if (third()) body["echo"] = true;
    }
    if (third() || !chat) body["max_tokens"] = 1 + random.below(80);
    if (third()) body["n"] = 1 + random.below(3);
    if (third()) body["min_tokens"] = 1;
    if (third()) body["ignore_eos"] = true;
    if (third()) body["stop"] = {" the", "q", ". "};
    if (third()) body["include_stop_str_in_output"] = true;
    if (third()) body["stop_token_ids"] = {some_token(random), 49, some_token(random)};
    if (third()) body["return_tokens_as_token_ids"] = true;
    if (third()) body["prompt_logprobs"] = random.below(3);
    if (third()) {
      body["logit_bias"] = {{std::to_string(some_token(random)), 7},
                            {std::to_string(some_token(random)), -100}};
    }
    if (random.below(8) == 0) body["allowed_token_ids"] = {198, 200, 49, some_token(random)};
    if (random.below(8) == 0) body["structured_outputs"] = {{"regex", "[a-z\xC3\xA9]{3,9} ok"}};
    if (third() && chat) body["top_logprobs"] = random.below(4);
    if (chat && (third() || body.contains("top_logprobs"))) body["logprobs"] = true;
    if (third() && !chat) body["logprobs"] = random.below(4);
    return body;
  }

  /// What the tokens of an answer say, without those that only end it.
  std::string said(const json& body, const json& choice, Tokens ids) {
    const bool kept = body.value("include_stop_str_in_output", false);
    const bool by_token = choice["stop_reason"].is_number();
    if (by_token && !kept) {
      EXPECT_EQ(choice["stop_reason"], ids.back());
      ids.pop_back();
    } else if (!ids.empty() && ids.back() == Tokenizer::kTurnEnd) {
      ids.pop_back();
    }
    return shown(api_.tokenizer().detokenize(ids));
  }

  void check_text(const json& body, const json& choice, const std::string& text,
                  const Tokens& ids) {
    std::string all = said(body, choice, ids);
    if (choice["stop_reason"].is_string()) {
      const std::string stop = choice["stop_reason"];
      const bool kept = body.value("include_stop_str_in_output", false);
      const std::size_t at = all.find(stop, text.size() - (kept ? stop.size() : 0));
      ASSERT_NE(at, std::string::npos);
      all.resize(kept ? at + stop.size() : at);
    }
    EXPECT_EQ(text, all);
    const auto limit = body.value("max_tokens", kModelLength);
    EXPECT_LE(ids.size(), limit);
    if (choice["finish_reason"] == "length" && body.contains("max_tokens")) {
      EXPECT_EQ(ids.size(), limit);
    }
  }

  void check_names(const json& body, const Tokens& ids, const std::vector<std::string>& names) {
    ASSERT_EQ(names.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string number = "token_id:" + std::to_string(ids[i]);
      const bool numbers = body.value("return_tokens_as_token_ids", false);
      EXPECT_EQ(names[i], numbers ? number : shown(std::string(api_.tokenizer().text(ids[i]))));
    }
  }

  void check_chat_logprobs(const json& body, const json& choice, const Tokens& ids) {
    if (choice["logprobs"].is_null()) {
      EXPECT_FALSE(body.value("logprobs", false));
      return;
    }
    std::vector<std::string> names;
    for (const json& entry : choice["logprobs"]["content"]) {
      names.push_back(entry["token"]);
      EXPECT_EQ(entry["top_logprobs"].size(), body.value("top_logprobs", 0U));
    }
    check_names(body, ids, names);
  }

  void check_completion_logprobs(const json& body, const json& choice, const Tokens& prompt,
                                 const Tokens& ids) {
    if (choice["logprobs"].is_null()) {
      EXPECT_FALSE(body.contains("logprobs"));
      return;
    }
    const json& logprobs = choice["logprobs"];
    Tokens all = body.value("echo", false) ? prompt : Tokens();
    all.insert(all.end(), ids.begin(), ids.end());
    const std::vector<std::string> names = logprobs["tokens"];
    check_names(body, all, names);
    ASSERT_EQ(logprobs["text_offset"].size(), names.size());
    ASSERT_EQ(logprobs["token_logprobs"].size(), names.size());
    ASSERT_EQ(logprobs["top_logprobs"].size(), names.size());
    for (std::size_t i = 1; i < names.size(); ++i) {
      EXPECT_GE(logprobs["text_offset"][i], logprobs["text_offset"][i - 1]);
    }
  }

  void check_prompt_logprobs(const json& body, const json& logprobs, const Tokens& prompt) {
    const bool echoed = body.value("echo", false) && body.contains("logprobs");
    if (logprobs.is_null()) {
      EXPECT_FALSE(echoed || body.contains("prompt_logprobs"));
      return;
    }
    ASSERT_EQ(logprobs.size(), prompt.size());
    for (std::size_t i = 1; i < prompt.size(); ++i) {
      EXPECT_TRUE(logprobs[i].contains(std::to_string(prompt[i])));
    }
  }

  void check_usage(const json& usage, std::size_t prompt, std::size_t answers) {
    EXPECT_EQ(usage["prompt_tokens"], prompt);
    EXPECT_EQ(usage["completion_tokens"], answers);
    EXPECT_EQ(usage["total_tokens"], prompt + answers);
    const std::size_t cached = usage["prompt_tokens_details"]["cached_tokens"];
    EXPECT_LT(cached, std::max<std::size_t>(prompt, 1));
    EXPECT_EQ(cached % 16, 0U);
  }

  void walk(std::uint64_t number) {
    Random random(number);
    const bool chat = random.below(2) == 0;
    const std::string_view target = chat ? kChat : kCompletions;
    const json body = request(random, chat);
    SCOPED_TRACE("OLLA_TEST_SEED=" + std::to_string(number) + " " + body.dump());
    const json answer = ask(target, body);
    ASSERT_TRUE(answer.contains("choices")) << answer.dump();
    json asked = {{"prompt", body.value("prompt", "")}};
    if (chat) asked = {{"messages", body["messages"]}};
    const Tokens prompt = ask("/tokenize", asked)["tokens"];
    std::size_t tokens = 0;
    for (const json& choice : answer["choices"]) {
      const Tokens ids = choice["token_ids"];
      tokens += ids.size();
      const json& own = chat ? answer : choice;
      EXPECT_EQ(own["prompt_token_ids"], prompt);
      std::string text = chat ? choice["message"]["content"] : choice["text"];
      if (body.value("echo", false)) {
        const std::string before = body["prompt"];
        ASSERT_TRUE(text.starts_with(before));
        text.erase(0, before.size());
      }
      check_text(body, choice, text, ids);
      if (chat) check_chat_logprobs(body, choice, ids);
      if (!chat) check_completion_logprobs(body, choice, prompt, ids);
      check_prompt_logprobs(body, own["prompt_logprobs"], prompt);
    }
    check_usage(answer["usage"], prompt.size(), tokens);
    check_stream(target, body, answer);
  }

  /// The same request, streamed: the pieces are those of the whole answer.
  void check_stream(std::string_view target, json body, const json& answer) {
    const bool chat = target == kChat;
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
    body.erase("prompt_logprobs");
    std::vector<std::string> texts(answer["choices"].size());
    std::vector<json> ids(texts.size(), json::array());
    json usage;
    json prompt;
    for (const json& event : ask(target, body)) {
      if (event["choices"].empty()) usage = event["usage"];
      for (const json& choice : event["choices"]) {
        const std::size_t index = choice["index"];
        texts[index] += chat ? choice["delta"].value("content", "") : choice.value("text", "");
        const json more = choice.value("token_ids", json());
        if (more.is_array()) ids[index].insert(ids[index].end(), more.begin(), more.end());
        const json& own = chat ? event : choice;
        if (own.contains("prompt_token_ids") && !own["prompt_token_ids"].is_null()) {
          prompt = own["prompt_token_ids"];
        }
      }
    }
    for (const json& choice : answer["choices"]) {
      const std::size_t index = choice["index"];
      EXPECT_EQ(texts[index], chat ? choice["message"]["content"] : choice["text"]);
      EXPECT_EQ(ids[index], choice["token_ids"]);
      EXPECT_EQ(prompt, (chat ? answer : choice)["prompt_token_ids"]);
    }
    EXPECT_EQ(usage["completion_tokens"], answer["usage"]["completion_tokens"]);
  }

  Api api_{options(), {}};
  TimePoint now_;
};

TEST_F(ConsistencyTest, TellsTheSameEverywhere) {
  const std::uint64_t seed = first_seed();
  for (std::uint64_t number = seed; number < seed + 200; ++number) {
    walk(number);
    if (HasFailure()) return;
  }
}

TEST_F(ConsistencyTest, GoesOnBehindTheTokensOfAnAnswer) {
  for (std::uint64_t number = 0; number < 40; ++number) {
    SCOPED_TRACE(number);
    Random random(number);
    const json body = {{"prompt", some_text(random, 5)},
                       {"max_tokens", 40},
                       {"seed", number},
                       {"return_token_ids", true}};
    const json choice = ask(kCompletions, body)["choices"][0];
    const Tokens ids = choice["token_ids"];
    Tokens prompt = choice["prompt_token_ids"];
    const std::size_t cut = random.below(ids.size());
    prompt.insert(prompt.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(cut));
    json rest = body;
    rest["prompt"] = prompt;
    rest["max_tokens"] = ids.size() - cut;
    EXPECT_EQ(ask(kCompletions, rest)["choices"][0]["token_ids"],
              Tokens(ids.begin() + static_cast<std::ptrdiff_t>(cut), ids.end()));
  }
}

TEST_F(ConsistencyTest, EndsAtAStopToken) {
  json body = {{"prompt", "Tell me"}, {"max_tokens", 40}, {"return_token_ids", true}};
  const Tokens ids = ask(kCompletions, body)["choices"][0]["token_ids"];
  body["stop_token_ids"] = {ids[5]};
  const json cut = ask(kCompletions, body)["choices"][0];
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_EQ(cut["stop_reason"], ids[5]);
  EXPECT_LE(cut["token_ids"].size(), 6U);
  body["min_tokens"] = 20;
  EXPECT_GE(ask(kCompletions, body)["choices"][0]["token_ids"].size(), 20U);
}

TEST_F(ConsistencyTest, RefusesTokensThatDoNotExist) {
  json body = {{"prompt", "x"}, {"logit_bias", {{"999999", 1}}}};
  const std::string size = std::to_string(api_.tokenizer().size());
  EXPECT_EQ(ask(kCompletions, body)["error"]["message"],
            "token_id(s) [999999] in logit_bias contain out-of-vocab token ids. Vocabulary size: " +
                size + " (parameter=logit_bias, value=[999999])");
  body = {{"prompt", "x"}, {"allowed_token_ids", {999999}}};
  EXPECT_EQ(ask(kCompletions, body)["error"]["param"], "allowed_token_ids");
  body = {{"prompt", "x"}, {"stop_token_ids", {"a"}}};
  EXPECT_EQ(ask(kCompletions, body)["error"]["param"], "body.stop_token_ids.0");
  body = {{"prompt", "x"}, {"prompt_logprobs", 1}, {"stream", true}};
  EXPECT_EQ(ask(kCompletions, body)["error"]["param"], "prompt_logprobs");
  body = {{"prompt", "x"}, {"prompt_logprobs", 50}};
  EXPECT_EQ(ask(kCompletions, body)["error"]["param"], "prompt_logprobs");
}

// A body may nest as deep as it is long.
TEST_F(ConsistencyTest, SurvivesABodyThatIsDeeperThanTheStack) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  for (const auto& [target, before] :
       {std::pair("/v1/messages", R"({"max_tokens":3,"messages":)"),
        std::pair("/v1/responses", R"({"input":)"),
        std::pair("/v1/chat/completions", R"({"messages":[{"role":"user"}],"tools":)")}) {
    const std::string text = before + deep + "}";
    Reply reply = api_.handle({"POST", target, "sim", "application/json", {}, text}, {});
    EXPECT_EQ(std::get<Answer>(reply).body, R"({"detail":"There was an error parsing the body"})");
  }
}

TEST_F(ConsistencyTest, EchoesTheMessageThatAChatGoesOnWith) {
  json body = {
      {"messages",
       {{{"role", "user"}, {"content", "hi"}}, {{"role", "assistant"}, {"content", "I think"}}}},
      {"echo", true},
      {"continue_final_message", true},
      {"add_generation_prompt", false},
      {"max_tokens", 4}};
  const json answer = ask(kChat, body);
  const std::string content = answer["choices"][0]["message"]["content"];
  EXPECT_TRUE(content.starts_with("I think"));
  EXPECT_EQ(answer["prompt_logprobs"].size(), answer["usage"]["prompt_tokens"]);
  EXPECT_EQ(answer["prompt_logprobs"][1].size(), 1U);
  body["stream"] = true;
  EXPECT_EQ(ask(kChat, body)[1]["choices"][0]["delta"]["content"], "I think");
}

TEST_F(ConsistencyTest, TellsABeamsTextAtOnce) {
  json body = {{"prompt", "x"}, {"use_beam_search", true}, {"n", 2}, {"stream", true}};
  EXPECT_EQ(ask(kCompletions, body)["error"]["message"],
            "Streaming is not currently supported with beam search");
  body.erase("prompt");
  body["messages"] = {{{"role", "user"}, {"content", "hi"}}};
  EXPECT_EQ(ask(kChat, body).size(), 4U);
}

}  // namespace
}  // namespace olla::sim
