#include "models/server_kind.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "config/profile.h"

namespace olla::models {
namespace {

std::string list_of(const std::string& owner) {
  return R"({"object":"list","data":[{"id":"m","object":"model","owned_by":")" + owner + "\"}]}";
}

/// The type of a server that has these documents, by path.
std::string kind_of(const std::map<std::string, std::string>& documents) {
  for (const KindQuestion& question : kind_questions()) {
    const auto found = documents.find(std::string(question.path));
    if (found == documents.end()) continue;
    const std::string_view kind = question.kind_of(found->second);
    if (!kind.empty()) return std::string(kind);
  }
  return "";
}

TEST(ServerKindTest, OllaW09KnowsServersByWhatOnlyTheySay) {
  const struct {
    std::map<std::string, std::string> documents;
    const char* kind;
  } cases[] = {
      {{{"/v1/models", list_of("vllm")}}, "vllm"},
      {{{"/v1/models", list_of("sglang")}}, "sglang"},
      {{{"/v1/models", list_of("lmdeploy")}}, "lmdeploy"},
      {{{"/v1/models", list_of("llamacpp")}, {"/api/version", R"({"version":"1"})"}}, "llamacpp"},
      {{{"/v1/models", list_of("me")}, {"/props", R"({"default_generation_settings":{}})"}},
       "llamacpp"},
      {{{"/v1/models", list_of("library")}, {"/api/version", R"({"version":"0.5.1"})"}}, "ollama"},
      {{{"/v1/models", R"({"object":"list","data":null})"}, {"/api/version", R"({"version":"1"})"}},
       "ollama"},
      {{{"/v1/models", list_of("organization_owner")},
        {"/api/version", R"({"error":"Unexpected endpoint"})"},
        {"/api/v0/models", R"({"data":[{"id":"m","state":"loaded"}]})"}},
       "lm-studio"},
      {{{"/api/v1/models", R"({"data":[{"id":"m","checkpoint":"c","recipe":"r"}]})"}}, "lemonade"},
      {{{"/engines/v1/models", list_of("x")}}, "docker-model-runner"},
      {{{"/v1/models", list_of("openai")}}, ""},
      {{{"/v1/models", R"({"data":[{"id":"a","owned_by":"vllm"},{"id":"b","owned_by":"x"}]})"}},
       ""},
      {{{"/v1/models", R"({"data":[]})"}}, ""},
      {{{"/v1/models", "<html>"}, {"/props", "{}"}, {"/api/version", "0.5"}}, ""},
      {{{"/engines/v1/models", "{}"}, {"/api/v0/models", R"({"error":"no such"})"}}, ""},
      {{}, ""},
  };
  for (const auto& c : cases)
    EXPECT_EQ(kind_of(c.documents), c.kind) << c.documents.size();
}

TEST(ServerKindTest, EveryKindHasAProfile) {
  for (const char* owner :
       {"vllm", "vllm-mlx", "llamacpp", "sglang", "lmdeploy", "omlx", "lemonade", "docker"}) {
    const std::string kind = kind_of({{"/v1/models", list_of(owner)}});
    EXPECT_NE(config::builtin_profiles()->of_type(kind), nullptr) << owner;
  }
}

TEST(ServerKindTest, AListIsNoErrorAndNoOtherDocument) {
  EXPECT_TRUE(is_openai_list(list_of("x")));
  EXPECT_TRUE(is_openai_list(R"({"object":"list","data":[]})"));
  for (const char* other : {"", "{}", "[]", "<html>", R"({"error":"x"})", R"({"data":7})"})
    EXPECT_FALSE(is_openai_list(other)) << other;
}

}  // namespace
}  // namespace olla::models
