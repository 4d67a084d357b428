#include "models/documents.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace olla::models {
namespace {

using Json = nlohmann::json;

/// A fleet of four servers, as in Olla's examples.
struct DocumentsTest : testing::Test {
  const std::vector<ModelEntry> vllm = {
      {.id = "org/tiny-8b-instruct",
       .owned_by = "vllm",
       .root = "/models/tiny",
       .max_model_len = 8192,
       .permission = R"([{"id":"modelperm-1"}])"},
      {.id = "sql", .owned_by = "vllm", .root = "/lora", .parent = "org/tiny-8b-instruct"}};
  const std::vector<ModelEntry> ollama = {{.id = "llama3:latest",
                                           .details = {.family = "llama",
                                                       .parameter_size = "8B",
                                                       .quantization = "Q4_K_M",
                                                       .file_format = "gguf",
                                                       .digest = "sha256:51",
                                                       .modified_at = "2026-11-01T01:02:03Z",
                                                       .size = 4000000000}},
                                          {.id = "llama3:8b", .details = {.digest = "sha256:51"}}};
  const std::vector<ModelEntry> lm_studio = {{.id = "lms",
                                              .max_model_len = 131072,
                                              .details = {.type = "llm",
                                                          .family = "qwen2_vl",
                                                          .quantization = "4bit",
                                                          .file_format = "mlx",
                                                          .publisher = "pub",
                                                          .state = "not-loaded"}}};
  const std::vector<ModelEntry> lemonade = {
      {.id = "Qwen3-GGUF", .owned_by = "lemonade", .details = {.checkpoint = "c", .recipe = "r"}}};
  const std::vector<config::ModelAlias> aliases = {{.name = "chat", .models = {"llama3:latest"}}};
  const Catalogue catalogue = make_catalogue(
      {
          {.endpoint = "v", .type = "vllm", .ready = true, .entries = vllm},
          {.endpoint = "o", .type = "ollama", .ready = true, .entries = ollama},
          {.endpoint = "l", .type = "lm-studio", .ready = true, .entries = lm_studio},
          {.endpoint = "e", .type = "lemonade", .ready = false, .entries = lemonade},
      },
      {{"org/tiny-8b-instruct", 1795398881}, {"sql", 1795398881}, {"llama3:latest", 1795398882}},
      {.aliases = aliases});

  [[nodiscard]] Json list(Shape shape) const {
    std::vector<const Model*> models;
    for (const Model& model : catalogue.models)
      models.push_back(&model);
    return Json::parse(list_document(catalogue, models, shape));
  }
  [[nodiscard]] Json item(Shape shape, const std::string& id) const {
    const Json document = list(shape);
    for (const Json& each : document["data"])
      if (each["id"] == id) return each;
    ADD_FAILURE() << "no " << id;
    return {};
  }
};

TEST_F(DocumentsTest, TellsInTheUnifiedListWhatIsKnown) {
  const Json expected = {{"id", "llama3:latest"},
                         {"object", "model"},
                         {"owned_by", "olla"},
                         {"created", 0},
                         {"olla",
                          {{"family", "llama"},
                           {"variant", "3"},
                           {"parameter_size", "8b"},
                           {"quantization", "q4km"},
                           {"aliases", {"llama3:latest", "chat", "llama3:8b"}},
                           {"availability", {{{"endpoint", "o"}, {"state", "available"}}}},
                           {"capabilities", {"text-generation"}}}}};
  EXPECT_EQ(item(Shape::kUnified, "llama3:latest"), expected);
  const Json tiny = item(Shape::kUnified, "org/tiny-8b-instruct");
  EXPECT_EQ(tiny["olla"]["max_context_length"], 8192);
  EXPECT_EQ(item(Shape::kUnified, "Qwen3-GGUF")["olla"]["availability"][0]["state"], "offline");
  EXPECT_EQ(item(Shape::kUnified, "chat")["olla"]["availability"][0]["endpoint"], "o");
}

TEST_F(DocumentsTest, HasOpenAisMembersAlone) {
  EXPECT_EQ(item(Shape::kOpenAi, "org/tiny-8b-instruct"), (Json{{"id", "org/tiny-8b-instruct"},
                                                                {"object", "model"},
                                                                {"created", 1795398881},
                                                                {"owned_by", "vllm"}}));
  EXPECT_EQ(item(Shape::kOpenAi, "lms")["owned_by"], "olla");
  EXPECT_EQ(list(Shape::kOpenAi)["object"], "list");
}

TEST_F(DocumentsTest, OllaW23HasVllmsOwnMembers) {
  EXPECT_EQ(item(Shape::kVllm, "org/tiny-8b-instruct"),
            (Json{{"id", "org/tiny-8b-instruct"},
                  {"object", "model"},
                  {"created", 1795398881},
                  {"owned_by", "vllm"},
                  {"root", "/models/tiny"},
                  {"parent", nullptr},
                  {"max_model_len", 8192},
                  {"permission", {{{"id", "modelperm-1"}}}}}));
  EXPECT_EQ(item(Shape::kVllm, "sql")["parent"], "org/tiny-8b-instruct");
  EXPECT_EQ(item(Shape::kVllm, "lms")["root"], "lms");
}

TEST_F(DocumentsTest, ListsForOllamaEveryNameThatSuchServersHave) {
  const Json document = list(Shape::kOllama);
  std::vector<std::string> names;
  for (const Json& model : document["models"]) {
    names.push_back(model["name"]);
    EXPECT_EQ(model["model"], model["name"]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"llama3:latest", "llama3:8b", "chat"}));
  const Json expected = {{"name", "llama3:latest"},
                         {"model", "llama3:latest"},
                         {"modified_at", "2026-11-01T01:02:03Z"},
                         {"size", 4000000000},
                         {"digest", "sha256:51"},
                         {"details",
                          {{"format", "gguf"},
                           {"family", "llama"},
                           {"families", {"llama"}},
                           {"parameter_size", "8B"},
                           {"quantization_level", "Q4_K_M"}}}};
  EXPECT_EQ(document["models"][0], expected);
}

TEST_F(DocumentsTest, OllaW23TellsLmStudioWhatAModelIsFor) {
  const Json document = list(Shape::kLmStudio);
  ASSERT_EQ(document["data"].size(), 1U);
  EXPECT_EQ(document["data"][0], (Json{{"id", "lms"},
                                       {"object", "model"},
                                       {"type", "llm"},
                                       {"publisher", "pub"},
                                       {"arch", "qwen2_vl"},
                                       {"compatibility_type", "mlx"},
                                       {"quantization", "4bit"},
                                       {"state", "not-loaded"},
                                       {"max_context_length", 131072}}));
}

TEST_F(DocumentsTest, HasLemonadesMembers) {
  const Json item_there = item(Shape::kLemonade, "Qwen3-GGUF");
  EXPECT_EQ(item_there["checkpoint"], "c");
  EXPECT_EQ(item_there["recipe"], "r");
  EXPECT_EQ(item_there["owned_by"], "lemonade");
}

TEST_F(DocumentsTest, WritesTimesAsOllamaDoes) {
  EXPECT_EQ(utc_text(1795398881), "2026-11-23T01:54:41Z");
  EXPECT_EQ(short_quantization("Q4_K_M"), "q4km");
}

TEST_F(DocumentsTest, AnEmptyListIsOne) {
  for (const Shape shape : {Shape::kUnified, Shape::kOpenAi, Shape::kVllm, Shape::kLmStudio})
    EXPECT_EQ(list_document(catalogue, {}, shape), R"({"object":"list","data":[]})");
  EXPECT_EQ(list_document(catalogue, {}, Shape::kOllama), R"({"models":[]})");
}

TEST_F(DocumentsTest, KnowsTheNamesOfShapes) {
  for (const char* name : {"unified", "openai", "ollama", "lmstudio", "vllm", "sglang", "lmdeploy",
                           "llamacpp", "lemonade", "vllm-mlx", "docker-model-runner"}) {
    EXPECT_TRUE(shape_named(name)) << name;
    EXPECT_NE(shape_names().find(name), std::string::npos) << name;
  }
  EXPECT_FALSE(shape_named("bogus"));
}

}  // namespace
}  // namespace olla::models
