#include <gtest/gtest.h>

#include "sim/api_fixture.h"

namespace olla::sim {
namespace {

constexpr std::string_view kBatch = "/v1/chat/completions/batch";

json chats(const std::vector<std::string>& texts) {
  json out = json::array();
  for (const std::string& text : texts) {
    out.push_back(json::array({{{"role", "user"}, {"content", text}}}));
  }
  return {{"messages", out}};
}

using BatchTest = ApiTest;

TEST_F(BatchTest, AnswersEachChatAsThoughItWereAlone) {
  json body = chats({"one", "[[hello]]", "two"});
  body["max_tokens"] = 8;
  const json together = answer(kBatch, body);
  ASSERT_EQ(together["choices"].size(), 3U);
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    json one = {{"messages", body["messages"][i]}, {"max_tokens", 8}};
    const json alone = answer(kChat, one);
    EXPECT_EQ(together["choices"][i]["index"], i);
    EXPECT_EQ(together["choices"][i]["message"], alone["choices"][0]["message"]);
    tokens += alone["usage"]["prompt_tokens"].get<std::size_t>();
  }
  EXPECT_EQ(together["usage"]["prompt_tokens"], tokens);
  EXPECT_TRUE(together["choices"][1]["message"]["content"].get<std::string>().starts_with("Hello"));
}

TEST_F(BatchTest, IsNeverStreamed) {
  json body = chats({"hi"});
  body["stream"] = true;
  EXPECT_EQ(answer(kBatch, body)["object"], "chat.completion");
}

TEST_F(BatchTest, RefusesWhatItHasNot) {
  json body = chats({"hi"});
  body["n"] = 2;
  EXPECT_EQ(error(kBatch, body)["param"], "n");
  body["n"] = 1;
  body["use_beam_search"] = true;
  EXPECT_EQ(error(kBatch, body)["param"], "use_beam_search");
  for (const json& wrong : {json(), json("hi"), json::array(), json::array({json::array()}),
                            json::array({"hi"}), json::array({json::array({"hi"})})}) {
    const json told = error(kBatch, {{"messages", wrong}});
    EXPECT_EQ(told["code"], 400) << wrong;
    EXPECT_FALSE(told["message"].get<std::string>().empty()) << wrong;
  }
  EXPECT_EQ(error(kBatch, {{"model", "llama"}})["code"], 400);
  json unknown = chats({"hi"});
  unknown["model"] = "nobody";
  EXPECT_EQ(error(kBatch, unknown)["code"], 404);
}

class OldBatchTest : public ApiTest {
 protected:
  OldBatchTest() : ApiTest("0.11.0") {}
};

TEST_F(OldBatchTest, IsNotThere) {
  Reply reply = post(kBatch, chats({"hi"}));
  EXPECT_EQ(std::get<Answer>(reply).status, 404);
}

class IntervalTest : public ApiTest {
 protected:
  IntervalTest() : ApiTest(made()) {}
  static ApiOptions made() {
    ApiOptions out = options();
    out.stream_interval = 4;
    return out;
  }
};

TEST_F(IntervalTest, AnEventHasSoManyTokensButForTheFirstAndTheLast) {
  json body = chat("hello");
  body["max_tokens"] = 11;
  body["ignore_eos"] = true;
  body["return_token_ids"] = true;
  std::vector<std::size_t> sizes;
  std::string text;
  for (const json& event : events(kChat, body)) {
    const json& choice = event["choices"][0];
    text += choice["delta"].value("content", "");
    if (choice.contains("token_ids") && choice["token_ids"].is_array()) {
      sizes.push_back(choice["token_ids"].size());
    }
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 4, 4, 2}));
  EXPECT_EQ(text, answer(kChat, body)["choices"][0]["message"]["content"]);
}

}  // namespace
}  // namespace olla::sim
