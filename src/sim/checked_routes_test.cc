#include "sim/checked_routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace olla::sim {
namespace {

using nlohmann::json;

TEST(CheckedRoutesTest, TellWhatARequestLacks) {
  const json empty = json::object();
  EXPECT_EQ(checked_answer("/v1/systemone", empty, Dialect::kNew).status, 400);
  EXPECT_EQ(checked_answer("/generative_scoring", empty, Dialect::kNew).status, 400);
  const json typed = {{"texts", {"x"}}, {"input_type", "search_query"}};
  EXPECT_EQ(checked_answer("/v2/embed", typed, Dialect::kNew).status, 400);
  const json right = {{"state", "x"}, {"questions", json::object()}};
  EXPECT_EQ(checked_answer("/v1/systemone", right, Dialect::kNew).status, 501);
}

TEST(CheckedRoutesTest, SayWhatScaleOutCannotDo) {
  EXPECT_EQ(scale_out_answer().status, 403);
  EXPECT_EQ(scaled_out_answer("/inference/v1/abort_requests").status, 200);
  EXPECT_EQ(scaled_out_answer("/inference/v1/generate").status, 501);
}

TEST(CheckedRoutesTest, InvokeWhatTheMembersAskFor) {
  const json chat = {{"messages", json::array()}};
  const json input = {{"input", "x"}};
  EXPECT_EQ(invoked_path(chat, Service::kGenerate), "/v1/chat/completions");
  EXPECT_EQ(invoked_path(chat, Service::kEmbed), "/v1/embeddings");
  EXPECT_EQ(invoked_path({{"prompt", "x"}}, Service::kGenerate), "/v1/completions");
  EXPECT_EQ(invoked_path(input, Service::kEmbed), "/v1/embeddings");
  EXPECT_EQ(invoked_path(input, Service::kClassify), "/classify");
  EXPECT_EQ(invoked_path({{"query", "x"}}, Service::kRerank), "/rerank");
  EXPECT_EQ(invoked_path(input, Service::kGenerate), "");
  EXPECT_EQ(invoked_path(json::object(), Service::kAll), "");
}

}  // namespace
}  // namespace olla::sim
