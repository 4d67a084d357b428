#include "models/parse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace olla::models {
namespace {

using config::ModelListFormat;

std::vector<ModelEntry> parsed(ModelListFormat format, std::string_view json) {
  auto entries = parse_list(format, json);
  EXPECT_TRUE(entries.has_value()) << json;
  return entries.value_or(std::vector<ModelEntry>());
}

std::vector<std::string> ids_of(const std::vector<ModelEntry>& entries) {
  std::vector<std::string> ids;
  for (const ModelEntry& entry : entries)
    ids.push_back(entry.id);
  return ids;
}

// As vLLM 0.32.0 with an alias and an adapter wrote it, with shorter permissions.
constexpr std::string_view kVllm =
    R"({"object":"list","data":[{"id":"tiny","object":"model","created":1795399332,)"
    R"("owned_by":"vllm","root":"./tiny-llama","parent":null,"max_model_len":2048,)"
    R"("permission":[{"id":"modelperm-b88","allow_sampling":true}]},)"
    R"({"id":"tiny-alias","object":"model","created":1795399332,"owned_by":"vllm",)"
    R"("root":"./tiny-llama","parent":null,"max_model_len":2048,"permission":[]},)"
    R"({"id":"tiny-sql","object":"model","created":1795399332,"owned_by":"vllm",)"
    R"("root":"./tiny-lora","parent":"tiny","max_model_len":null,"permission":[]}]})";

TEST(ParseListTest, ReadsVllmsFields) {
  const std::vector<ModelEntry> expected = {
      {.id = "tiny",
       .owned_by = "vllm",
       .root = "./tiny-llama",
       .max_model_len = 2048,
       .permission = R"([{"allow_sampling":true,"id":"modelperm-b88"}])"},
      {.id = "tiny-alias", .owned_by = "vllm", .root = "./tiny-llama", .max_model_len = 2048},
      {.id = "tiny-sql", .owned_by = "vllm", .root = "./tiny-lora", .parent = "tiny"},
  };
  EXPECT_EQ(parsed(ModelListFormat::kOpenAi, kVllm), expected);
}

TEST(ParseListTest, ReadsWhatOtherServersAddToOpenAisList) {
  const auto entries =
      parsed(ModelListFormat::kOpenAi,
             R"({"models":[{"name":"elsewhere"}],"object":"list","data":[{"id":"g.gguf",)"
             R"("owned_by":"llamacpp","meta":{"n_ctx_train":131072,"n_params":8030261312,)"
             R"("size":4912898304}},{"id":"ai/smollm2","owned_by":"docker"},)"
             R"({"id":"routed","context_window":128000},{"id":"m","max_context_length":-1}]})");
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].max_model_len, 131072);
  EXPECT_EQ(entries[0].details.parameters, 8030261312);
  EXPECT_EQ(entries[0].details.size, 4912898304);
  EXPECT_EQ(entries[1], (ModelEntry{.id = "ai/smollm2", .owned_by = "docker"}));
  EXPECT_EQ(entries[2].max_model_len, 128000);
  EXPECT_EQ(entries[3], ModelEntry{.id = "m"});
}

TEST(ParseListTest, ReadsOllamasTags) {
  const auto entries = parsed(
      ModelListFormat::kOllama,
      R"({"models":[{"name":"llama3:latest","model":"llama3:latest","size":4000000000,)"
      R"("modified_at":"2026-11-23T01:54:41.17Z","digest":"sha256:51","details":{"format":"gguf",)"
      R"("family":"llama","families":["llama"],"parameter_size":"8B",)"
      R"("quantization_level":"Q4_K_M"},"capabilities":["completion","tools"]},)"
      R"({"model":"only-model"},{"name":"bare","details":null}]})");
  ASSERT_EQ(ids_of(entries), (std::vector<std::string>{"llama3:latest", "only-model", "bare"}));
  Details expected;
  expected.family = "llama";
  expected.parameter_size = "8B";
  expected.quantization = "Q4_K_M";
  expected.file_format = "gguf";
  expected.digest = "sha256:51";
  expected.modified_at = "2026-11-23T01:54:41.17Z";
  expected.capabilities = {"completion", "tools"};
  expected.size = 4000000000;
  EXPECT_EQ(entries[0].details, expected);
  EXPECT_EQ(entries[2].details, Details());
}

TEST(ParseListTest, ReadsLmStudiosList) {
  const auto entries =
      parsed(ModelListFormat::kLmStudio,
             R"({"object":"list","data":[{"id":"qwen2-vl-7b","object":"model","type":"vlm",)"
             R"("publisher":"mlx-community","arch":"qwen2_vl","compatibility_type":"mlx",)"
             R"("quantization":"4bit","state":"not-loaded","max_context_length":32768,)"
             R"("capabilities":["tool_use"]}]})");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].max_model_len, 32768);
  Details expected;
  expected.type = "vlm";
  expected.publisher = "mlx-community";
  expected.family = "qwen2_vl";
  expected.file_format = "mlx";
  expected.quantization = "4bit";
  expected.state = "not-loaded";
  expected.capabilities = {"tool_use"};
  EXPECT_EQ(entries[0].details, expected);
}

TEST(ParseListTest, ReadsLemonadesList) {
  const auto entries = parsed(
      ModelListFormat::kLemonade,
      R"({"object":"list","data":[{"id":"Qwen3-0.6B-GGUF","created":1744173590,)"
      R"("object":"model","owned_by":"lemonade","checkpoint":"unsloth/Qwen3-0.6B-GGUF:Q4_0",)"
      R"("recipe":"llamacpp","size":0.38,"downloaded":true,"labels":["reasoning"]}]})");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].owned_by, "lemonade");
  EXPECT_EQ(entries[0].details.checkpoint, "unsloth/Qwen3-0.6B-GGUF:Q4_0");
  EXPECT_EQ(entries[0].details.recipe, "llamacpp");
  EXPECT_EQ(entries[0].details.capabilities, std::vector<std::string>{"reasoning"});
}

TEST(ParseListTest, TakesEntriesWithoutTheRestOfTheFields) {
  const auto models =
      parsed(ModelListFormat::kOpenAi,
             R"({"data":[{"id":"a"},{"id":""},{"id":5},{},7,{"id":"a","root":"twice"},{"id":"b",)"
             R"("max_model_len":"long","permission":null,"root":1,"parent":[],"meta":[]}]})");
  EXPECT_EQ(models, (std::vector<ModelEntry>{{.id = "a"}, {.id = "b"}}));
}

TEST(ParseListTest, ADocumentWithoutAListHasNoModels) {
  for (const auto format : {ModelListFormat::kOpenAi, ModelListFormat::kOllama,
                            ModelListFormat::kLmStudio, ModelListFormat::kLemonade}) {
    const std::string key = format == ModelListFormat::kOllama ? "models" : "data";
    for (const std::string& json :
         {std::string("{}"), std::string(R"({"object":"list"})"), "{\"" + key + "\":null}",
          "{\"" + key + "\":[]}", "{\"" + key + "\":[],\"error\":null}"})
      EXPECT_TRUE(parsed(format, json).empty()) << json;
  }
}

TEST(ParseListTest, KnowsWhatIsNoModelList) {
  for (const std::string_view json :
       {"", "[]", "null", "{", R"({"data":{}})", R"({"data":"x"})", R"({"data":[)",
        R"({"data":[{"id":"a"})", R"({"data":[{"id":"a"},{"id":]})", R"({"data":[]}x)",
        R"({"error":{"message":"no"}})", "<html>"})
    EXPECT_FALSE(parse_list(ModelListFormat::kOpenAi, json).has_value()) << json;
}

TEST(ParseListTest, LeavesOutWhatIsTooLarge) {
  const std::string long_id(kIdBytesMax + 1, 'x');
  const std::string large(kEntryBytesMax, 'x');
  EXPECT_EQ(ids_of(parsed(ModelListFormat::kOpenAi, R"({"data":[{"id":")" + long_id +
                                                        R"("},{"id":"a","x":")" + large +
                                                        R"("},{"id":"b"}]})")),
            std::vector<std::string>{"b"});
  std::string many = R"({"data":[)";
  for (std::size_t i = 0; i < kEntriesMax + 5; ++i)
    many += R"({"id":"m)" + std::to_string(i) + "\"},";
  many.back() = ']';
  many += '}';
  EXPECT_EQ(parsed(ModelListFormat::kOpenAi, many).size(), kEntriesMax);
}

}  // namespace
}  // namespace olla::models
