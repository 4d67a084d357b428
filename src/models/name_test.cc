#include "models/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::models {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

TEST(NameTest, TellsFamilyVersionSizeAndQuantization) {
  struct Case {
    const char* id;
    const char* family;
    const char* variant;
    const char* size;
    const char* quantization;
  };
  for (const Case& test : {
           Case{"meta-llama/Meta-Llama-3-8B-Instruct", "llama", "3", "8B", ""},
           Case{"meta-llama/Llama-3.1-70B-Instruct-FP8", "llama", "3.1", "70B", "FP8"},
           Case{"llama3:latest", "llama", "3", "", ""},
           Case{"llama3.2:1b-instruct-q4_K_M", "llama", "3.2", "1B", "Q4_K_M"},
           Case{"mistralai/Mistral-7B-Instruct-v0.2", "mistral", "", "7B", ""},
           Case{"mistralai/Mixtral-8x7B-v0.1", "mixtral", "", "8x7B", ""},
           Case{"Qwen/Qwen2.5-Coder-1.5B-Instruct-AWQ", "qwen", "2.5", "1.5B", "AWQ"},
           Case{"Qwen3-30B-A3B", "qwen", "3", "30B", ""},
           Case{"phi4:14b", "phi", "4", "14B", ""},
           Case{"deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "deepseek", "r1", "8B", ""},
           Case{"openai/gpt-oss-120b", "gpt-oss", "", "120B", ""},
           Case{"gpt-x", "gpt", "", "", ""},
           Case{"gpt-4o", "gpt", "4o", "", ""},
           Case{"nomic-embed-text-v1.5.f16.gguf", "nomic", "", "", ""},
           Case{"nomic-ai/nomic-embed-137m", "nomic", "", "137M", ""},
           Case{"TheBloke/CodeLlama-13B-GGUF/codellama-13b.Q5_K_S.gguf", "codellama", "", "",
                "Q5_K_S"},
           Case{"llamaindex", "", "", "", ""},
           Case{"my-finetune", "", "", "", ""},
           Case{"", "", "", "", ""},
           Case{"/", "", "", "", ""},
       }) {
    const NameParts parts = parts_of_name(test.id);
    EXPECT_EQ(parts.family, test.family) << test.id;
    EXPECT_EQ(parts.variant, test.variant) << test.id;
    EXPECT_EQ(parts.parameter_size, test.size) << test.id;
    EXPECT_EQ(parts.quantization, test.quantization) << test.id;
  }
}

TEST(NameTest, CountsParameters) {
  EXPECT_EQ(parameter_count("8B"), 8'000'000'000);
  EXPECT_EQ(parameter_count("1.5b"), 1'500'000'000);
  EXPECT_EQ(parameter_count("8x7B"), 56'000'000'000);
  EXPECT_EQ(parameter_count("137M"), 137'000'000);
  for (const char* text : {"", "8", "B", "8G", "xB", "8xB", "1.B", "999999999999999B"})
    EXPECT_EQ(parameter_count(text), std::nullopt) << text;
  EXPECT_EQ(parameter_size(8'030'261'312), "8B");
  EXPECT_EQ(parameter_size(1'540'000'000), "1.5B");
  EXPECT_EQ(parameter_size(137'000'000), "137M");
}

TEST(NameTest, KnowsWhatAModelIsMadeFor) {
  const auto kind = [](const char* id, Details details = {}) {
    return std::string(to_string(kind_of({.id = id, .details = std::move(details)})));
  };
  EXPECT_EQ(kind("llama3"), "llm");
  EXPECT_EQ(kind("nomic-embed-text"), "embeddings");
  EXPECT_EQ(kind("BAAI/bge-m3"), "embeddings");
  EXPECT_EQ(kind("BAAI/bge-reranker-v2-m3"), "rerank");
  EXPECT_EQ(kind("Qwen/Qwen2-VL-7B"), "vlm");
  EXPECT_EQ(kind("llava:13b"), "vlm");
  EXPECT_EQ(kind("llama3", {.type = "vlm"}), "vlm");
  EXPECT_EQ(kind("llava-like", {.type = "llm"}), "llm");
  EXPECT_EQ(kind("x", {.capabilities = {"vision"}}), "vlm");
  EXPECT_EQ(kind("x", {.capabilities = {"embeddings"}}), "embeddings");
}

TEST(NameTest, KnowsWhatAModelCanDo) {
  EXPECT_THAT(capabilities_of({.id = "gpt-x"}), ElementsAre("text-generation"));
  EXPECT_THAT(capabilities_of({.id = "mistralai/Mistral-7B-Instruct-v0.2", .max_model_len = 8192}),
              ElementsAre("text-generation", "instruction-following", "chat"));
  EXPECT_THAT(capabilities_of({.id = "x", .max_model_len = 131072}),
              ElementsAre("text-generation", "extended-context", "long-context"));
  EXPECT_THAT(
      capabilities_of({.id = "qwen2-vl", .details = {.capabilities = {"tool_use"}}}),
      ElementsAre("text-generation", "vision", "multimodal", "image-understanding", "tool-use"));
  EXPECT_THAT(capabilities_of({.id = "e5-large-instruct"}),
              ElementsAre("embeddings", "vector-search"));
  EXPECT_THAT(capabilities_of({.id = "chat/base"}), Not(Contains("chat")))
      << "the organisation says nothing";
}

}  // namespace
}  // namespace olla::models
