#include "vllm/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::vllm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TakesJsonObjectTest, KnowsTheInferenceRoutes) {
  for (const char* path :
       {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
        "/v1/messages", "/v1/messages/count_tokens", "/tokenize", "/detokenize", "/score",
        "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank", "/pooling", "/classify",
        "/v1/chat/completions/render", "/inference/v1/generate", "/v2/embed"}) {
    SCOPED_TRACE(path);
    EXPECT_TRUE(takes_json_object("POST", path));
    EXPECT_FALSE(takes_json_object("GET", path));
  }
}

TEST(TakesJsonObjectTest, IsExact) {
  for (const char* path :
       {"", "/", "/v1/chat/completions/", "/V1/chat/completions", "/v1/chat/completion",
        "/v1/chat/completions?x=1", "//v1/chat/completions", "/v1/models", "/health",
        "/v1/load_lora_adapter", "/v1/responses/resp_1/cancel", "/invocations"}) {
    SCOPED_TRACE(path);
    EXPECT_FALSE(takes_json_object("POST", path));
  }
  EXPECT_FALSE(takes_json_object("post", "/tokenize"));
}

TEST(ParseModelListTest, ReadsTheIdsInOrder) {
  const auto names = parse_model_list(
      R"({"object":"list","data":[{"id":"tiny","object":"model","max_model_len":2048,)"
      R"("permission":[{"id":"modelperm-974b5f84dc5277f8"}]},{"id":"tiny-sql","parent":"tiny"}]})");
  ASSERT_TRUE(names.has_value());
  EXPECT_THAT(*names, ElementsAre("tiny", "tiny-sql"));
}

TEST(ParseModelListTest, LeavesOutEntriesWithoutAName) {
  const auto names =
      parse_model_list(R"({"data":[{"id":5},{},7,null,{"id":""},{"id":"b"},{"id":null}]})");
  ASSERT_TRUE(names.has_value());
  EXPECT_THAT(*names, ElementsAre("b"));
}

TEST(ParseModelListTest, AnEmptyListIsNoError) {
  const auto names = parse_model_list(R"({"data":[]})");
  ASSERT_TRUE(names.has_value());
  EXPECT_THAT(*names, IsEmpty());
}

TEST(ParseModelListTest, RefusesWhatIsNoModelList) {
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"data":{}})", R"({"data":null})",
                           "<html></html>", "{\"data\":[{\"id\":\"\xff\"}]}"}) {
    SCOPED_TRACE(text);
    const auto names = parse_model_list(text);
    ASSERT_FALSE(names.has_value());
    EXPECT_EQ(names.error().code, Errc::kMalformed);
    EXPECT_EQ(names.error().side, Side::kUpstream);
  }
}

}  // namespace
}  // namespace olla::vllm
