#include "sim/routes.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

bool has(Service service, std::string_view path, const RouteRules& rules = {}) {
  const Route* route = find_route(path, rules);
  return route != nullptr && serves(service, *route);
}

TEST(RoutesTest, DifferByKind) {
  struct Case {
    std::string_view path;
    std::string_view kinds;  // Of generate, embed, rerank and classify: their first letters.
  };
  constexpr Case kCases[] = {
      {"/v1/chat/completions", "g"}, {"/v1/embeddings", "e"},
      {"/v2/rerank", "er"},          {"/score", "er"},
      {"/classify", "rc"},           {"/pooling", "erc"},
      {"/health", "gerc"},           {"/v1/systemone", "gerc"},
      {"/v1/messages", "g"},
  };
  for (const auto& [path, kinds] : kCases) {
    SCOPED_TRACE(path);
    for (const char* name : {"generate", "embed", "rerank", "classify"}) {
      const auto service = service_of(name);
      ASSERT_TRUE(service);
      EXPECT_EQ(has(*service, path), kinds.find(name[0]) != std::string_view::npos) << name;
    }
    EXPECT_TRUE(has(Service::kAll, path));
  }
  EXPECT_FALSE(service_of("chat"));
}

TEST(RoutesTest, ComeWithVersionsAndFlags) {
  const RouteRules old{Dialect::kOld, false, false};
  for (const char* path : {"/v1/messages", "/kv_event_sources", "/inference/v1/generate"}) {
    EXPECT_TRUE(find_route(path, {}) != nullptr && find_route(path, old) == nullptr) << path;
  }
  const RouteRules dev{Dialect::kNew, true, false};
  const RouteRules lora{Dialect::kNew, false, true};
  EXPECT_TRUE(find_route("/sleep", dev) != nullptr && find_route("/sleep", lora) == nullptr);
  constexpr std::string_view kLoad = "/v1/load_lora_adapter";
  EXPECT_TRUE(find_route(kLoad, lora) != nullptr && find_route(kLoad, dev) == nullptr);
}

TEST(RoutesTest, KnowTheirMethods) {
  EXPECT_TRUE(allows(*find_route("/ping", {}), "POST"));
  EXPECT_TRUE(allows(*find_route("/docs", {}), "HEAD"));
  EXPECT_FALSE(allows(*find_route("/health", {}), "HEAD"));
  EXPECT_FALSE(allows(*find_route("/docs", {}), "GET, HEAD"));
  EXPECT_EQ(find_route("/v1/responses/render", {})->presence, Presence::kScaleOut);
  EXPECT_EQ(find_route("/v1/responses/resp_1", {})->allow, "GET");
}

TEST(RoutesTest, AreListedWithoutThoseThatNoVllmHas) {
  for (const Route* route : served_routes(Service::kAll, {Dialect::kNew, true, true})) {
    EXPECT_FALSE(route->path.starts_with("/sim/"));
  }
  EXPECT_GT(served_routes(Service::kGenerate, {}).size(),
            served_routes(Service::kClassify, {}).size());
}

}  // namespace
}  // namespace olla::sim
