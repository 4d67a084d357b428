#include "admin/models_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::admin {
namespace {

using Json = nlohmann::ordered_json;
using models::ModelEntry;

struct ModelsDocumentTest : testing::Test {
  const Moment now{TimePoint(std::chrono::hours(1)),
                   std::chrono::system_clock::time_point(std::chrono::seconds(1795398923))};
  const std::vector<ModelEntry> vllm = {{.id = "meta-llama/Llama-3-8B-Instruct-BF16"},
                                        {.id = "shared", .max_model_len = 8192}};
  const std::vector<ModelEntry> ollama = {{.id = "shared",
                                           .details = {.family = "llama",
                                                       .parameter_size = "8B",
                                                       .quantization = "Q4_K_M",
                                                       .file_format = "gguf",
                                                       .size = 4000000000}},
                                          {.id = "odd"}};
  const std::vector<config::ModelAlias> aliases = {{.name = "best", .models = {"shared"}}};
  const models::Catalogue catalogue =
      models::make_catalogue({{.endpoint = "v",
                               .type = "vllm",
                               .ready = true,
                               .entries = vllm,
                               .read_at = now.steady - std::chrono::seconds(42)},
                              {.endpoint = "o",
                               .type = "ollama",
                               .ready = false,
                               .entries = ollama,
                               .read_at = now.steady - std::chrono::seconds(12)}},
                             {}, {.aliases = aliases});

  [[nodiscard]] Json status(bool grouped) const {
    return models_status(catalogue, {"v1", "o1"}, grouped, now);
  }
};

TEST_F(ModelsDocumentTest, TellsTheFamilies) {
  const Json document = status(false);
  EXPECT_EQ(
      document["models_by_family"],
      (Json{{"llama", {"meta-llama/Llama-3-8B-Instruct-BF16", "shared"}}, {"unknown", {"odd"}}}));
  EXPECT_EQ(document["total_models"], 3);
  EXPECT_EQ(document["total_families"], 2);
  EXPECT_EQ(document["total_endpoints"], 2);
  EXPECT_EQ(document["timestamp"], "2026-11-23T01:55:23Z");
  EXPECT_FALSE(document.contains("model_groups"));
}

TEST_F(ModelsDocumentTest, TellsOfEachModelTheNewestFirst) {
  const Json recent = status(false)["recent_models"];
  ASSERT_EQ(recent.size(), 3U);
  EXPECT_EQ(recent[0]["name"], "odd");
  const Json shared = {{"name", "shared"},
                       {"type", "llm"},
                       {"family", "llama"},
                       {"params", "8B"},
                       {"quant", "Q4_K_M"},
                       {"last_seen", "12s ago"},
                       {"last_seen_at", "2026-11-23T01:55:11Z"},
                       {"endpoints", {"o", "v"}},
                       {"endpoint_ids", {"o1", "v1"}},
                       {"aliases", {"best"}},
                       {"capabilities", {"text_generation", "chat"}}};
  EXPECT_EQ(recent[1], shared);
  EXPECT_EQ(recent[2]["last_seen"], "42s ago");
  EXPECT_EQ(recent[2]["capabilities"], (Json{"text_generation", "chat", "high_precision"}));
}

TEST_F(ModelsDocumentTest, OllaW38TellsOfEveryModel) {
  std::vector<ModelEntry> many;
  for (int i = 0; i < 25; ++i)
    many.push_back({.id = "m" + std::to_string(i)});
  const models::Catalogue large = models::make_catalogue(
      {{.endpoint = "v", .type = "vllm", .ready = true, .entries = many}}, {}, {});
  const Json document = models_status(large, {"v1"}, false, now);
  EXPECT_EQ(document["recent_models"].size(), 25U);
  EXPECT_EQ(document["recent_models"][0]["last_seen"], "never");
}

TEST_F(ModelsDocumentTest, GroupsThemByFamilyWhenAsked) {
  const Json groups = status(true)["model_groups"];
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0]["family"], "llama");
  EXPECT_EQ(groups[0]["model_count"], 2);
  EXPECT_EQ(groups[0]["endpoints"], (Json{"o", "v"}));
  EXPECT_EQ(groups[0]["models"][1]["name"], "shared");
  EXPECT_EQ(groups[1]["family"], "unknown");
}

TEST_F(ModelsDocumentTest, TellsOfOneModelInFull) {
  const Json expected = {{"id", "shared"},
                         {"family", "llama"},
                         {"variant", ""},
                         {"parameter_size", "8b"},
                         {"quantization", "q4km"},
                         {"format", "gguf"},
                         {"total_disk_size", "3.73 GB"},
                         {"last_seen", "12s ago"},
                         {"aliases", {"shared", "best"}},
                         {"endpoints", {"v", "o"}},
                         {"loaded_endpoints", {"v"}},
                         {"capabilities", {"text-generation"}},
                         {"parameter_count", 8000000000},
                         {"max_context_length", 8192}};
  EXPECT_EQ(model_details(catalogue, *models::find_model(catalogue, "SHARED"), now), expected);
  const Json alias = model_details(catalogue, *models::find_model(catalogue, "best"), now);
  EXPECT_EQ(alias["id"], "best");
  EXPECT_EQ(alias["endpoints"], (Json{"v", "o"}));
}

}  // namespace
}  // namespace olla::admin
