#include "vllm/meaning.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::vllm {
namespace {

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kEmbeddings = "/v1/embeddings";

TEST(MeaningTest, ReadsWhatRealServersSaid) {
  EXPECT_EQ(
      meaning_of(503, R"({"error":{"message":"The engine is currently busy and cannot accept new )"
                      R"(requests. Please try again later or on a different instance.",)"
                      R"("type":"Service Unavailable","param":null,"code":503}})"),
      Meaning::kBusy);
  EXPECT_EQ(meaning_of(500, R"({"error":{"message":"cannot schedule new futures after shutdown",)"
                            R"("type":"InternalServerError","param":null,"code":500}})"),
            Meaning::kDraining);
  EXPECT_EQ(meaning_of(500, R"({"type":"error","error":{"type":"InternalServerError",)"
                            R"("message":"cannot schedule new futures after shutdown"}})"),
            Meaning::kDraining);
  EXPECT_EQ(meaning_of(404, R"({"detail":"Not Found"})"), Meaning::kNoSuchRoute);
  EXPECT_EQ(meaning_of(200, R"({"error":{"message":"The model does not support Embeddings API",)"
                            R"("type":"BadRequestError","param":null,"code":400}})"),
            Meaning::kNoSuchRoute);
}

TEST(MeaningTest, OtherAnswersAreForTheClient) {
  EXPECT_EQ(meaning_of(200, R"({"object":"list"})"), Meaning::kAnswer);
  EXPECT_EQ(meaning_of(404, R"({"error":{"message":"The model `x` does not exist."}})"),
            Meaning::kAnswer);
  EXPECT_EQ(meaning_of(500, R"({"error":{"message":"EngineCore encountered an issue."}})"),
            Meaning::kAnswer)
      << "the request may be what broke it";
  EXPECT_EQ(meaning_of(400, R"({"error":{"message":"max_tokens must be at least 1"}})"),
            Meaning::kAnswer);
  EXPECT_EQ(meaning_of(429, ""), Meaning::kAnswer);
}

TEST(MeaningTest, OnlyShortAnswersOfInferenceAreLookedAt) {
  constexpr Version kOld = {.minor = 11};
  EXPECT_TRUE(may_mean_more(503, kChat, 188, kNewestVersion));
  EXPECT_TRUE(may_mean_more(200, kEmbeddings, 114, kOld));
  EXPECT_FALSE(may_mean_more(200, kEmbeddings, 114, kNewestVersion)) << "it need not wait";
  EXPECT_FALSE(may_mean_more(200, kEmbeddings, 1 << 20, kOld));
  EXPECT_FALSE(may_mean_more(503, "/health", 0, kOld));
  EXPECT_FALSE(may_mean_more(404, "/v1/models/x", 22, kOld)) << "no inference route";
  EXPECT_FALSE(may_mean_more(503, kChat, 5000, kNewestVersion)) << "too long";
  EXPECT_FALSE(may_mean_more(201, kChat, 10, kOld));
}

}  // namespace
}  // namespace olla::vllm
