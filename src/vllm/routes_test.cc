#include "vllm/routes.h"

#include <gtest/gtest.h>

namespace olla::vllm {
namespace {

TEST(RouteKindTest, TellsWhatIsForEveryClient) {
  for (const char* path :
       {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/invocations",
        "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/responses",
        "/v1/responses/resp_1", "/v1/responses/resp_1/cancel", "/v2/rerank", "/v1/messages"})
    EXPECT_EQ(route_kind(path), RouteKind::kInference) << path;
  for (const char* path :
       {"/health", "/ping", "/load", "/metrics", "/version", "/v1/models", "/v1/models/org/model"})
    EXPECT_EQ(route_kind(path), RouteKind::kRead) << path;
}

TEST(RouteKindTest, GuardsWhatChangesOrExposesAServerAndWhatIsNotKnown) {
  for (const char* path : {"/sleep",
                           "/wake_up",
                           "/pause",
                           "/resume",
                           "/abort_requests",
                           "/reset_prefix_cache",
                           "/reset_mm_cache",
                           "/reset_encoder_cache",
                           "/server_info",
                           "/collective_rpc",
                           "/v1/load_lora_adapter",
                           "/v1/unload_lora_adapter",
                           "/adapters",
                           "/adapters/x",
                           "/docs",
                           "/openapi.json",
                           "/redoc",
                           "/update_weights",
                           "/inference/v1/abort_requests",
                           "",
                           "/",
                           "/x",
                           "//health",
                           "/Health",
                           "/v1/audio/",
                           "/v1/audio/a/b",
                           "/v1/responses/",
                           "/v1/responses/a/b",
                           "/v1/chat/completions/",
                           "/health/"}) {
    EXPECT_EQ(route_kind(path), RouteKind::kGuarded) << path;
  }
}

TEST(RouteKindTest, PatternsMayEndInAStar) {
  const std::vector<std::string> patterns = {"/sleep", "/reset_*"};
  EXPECT_TRUE(matches_route(patterns, "/sleep"));
  EXPECT_TRUE(matches_route(patterns, "/reset_mm_cache"));
  EXPECT_TRUE(matches_route(patterns, "/reset_"));
  EXPECT_FALSE(matches_route(patterns, "/sleep/"));
  EXPECT_FALSE(matches_route(patterns, "/sleeps"));
  EXPECT_FALSE(matches_route(patterns, "/reset"));
  EXPECT_FALSE(matches_route({}, "/sleep"));
}

TEST(ResponseIdTest, IsInThePathOfAnAnswer) {
  EXPECT_EQ(response_id_of("/v1/responses/resp_1"), "resp_1");
  EXPECT_EQ(response_id_of("/v1/responses/resp_1/cancel"), "resp_1");
  for (const char* path : {"/v1/responses", "/v1/responses/", "/v1/responses/render",
                           "/v1/responses/a/b", "/v1/models/x"})
    EXPECT_EQ(response_id_of(path), "") << path;
  EXPECT_EQ(route_name("/v1/responses/resp_1/cancel"), "/v1/responses/{id}");
  EXPECT_EQ(route_name("/v1/embeddings"), "/v1/embeddings");
}

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

}  // namespace
}  // namespace olla::vllm
