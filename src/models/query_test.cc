#include "models/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace olla::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Parameters = std::map<std::string, std::string, std::less<>>;

Result<Query> parsed(const Parameters& parameters) {
  return parse_query([&parameters](std::string_view name) -> std::optional<std::string> {
    const auto found = parameters.find(name);
    if (found == parameters.end()) return std::nullopt;
    return found->second;
  });
}

struct QueryTest : testing::Test {
  const std::vector<ModelEntry> vllm = {{.id = "llama-3-8b-instruct"}, {.id = "qwen2-vl-7b"}};
  const std::vector<ModelEntry> ollama = {{.id = "nomic-embed-text"}};
  const std::vector<ModelEntry> down = {{.id = "phi4"}};
  const Catalogue catalogue =
      make_catalogue({{.endpoint = "v", .type = "vllm", .ready = true, .entries = vllm},
                      {.endpoint = "o", .type = "ollama", .ready = true, .entries = ollama},
                      {.endpoint = "d", .type = "vllm", .ready = false, .entries = down}},
                     {}, {});

  [[nodiscard]] std::vector<std::string> ids(const Parameters& parameters) const {
    std::vector<std::string> out;
    for (const Model* model : select(catalogue, parsed(parameters).value()))
      out.push_back(model->id);
    return out;
  }
};

TEST_F(QueryTest, ListsWhatMayBeAskedForUnlessAllIsWanted) {
  EXPECT_THAT(ids({}), ElementsAre("llama-3-8b-instruct", "nomic-embed-text", "qwen2-vl-7b"));
  EXPECT_THAT(ids({{"include_unavailable", "true"}}), testing::SizeIs(4));
  EXPECT_THAT(ids({{"include_unavailable", "false"}}), testing::SizeIs(3));
}

TEST_F(QueryTest, Filters) {
  EXPECT_THAT(ids({{"family", "LLAMA"}}), ElementsAre("llama-3-8b-instruct"));
  EXPECT_THAT(ids({{"endpoint", "o"}}), ElementsAre("nomic-embed-text"));
  EXPECT_THAT(ids({{"endpoint", "d"}}), IsEmpty());
  EXPECT_THAT(ids({{"type", "vlm"}}), ElementsAre("qwen2-vl-7b"));
  EXPECT_THAT(ids({{"type", "Embeddings"}}), ElementsAre("nomic-embed-text"));
  EXPECT_THAT(ids({{"type", "llm"}}), ElementsAre("llama-3-8b-instruct"));
  EXPECT_THAT(ids({{"available", "true"}}), ElementsAre("llama-3-8b-instruct", "qwen2-vl-7b"));
  EXPECT_THAT(ids({{"available", "false"}}), ElementsAre("nomic-embed-text"));
  EXPECT_THAT(ids({{"family", "llama"}, {"type", "vlm"}}), IsEmpty());
}

TEST_F(QueryTest, KnowsOllasWordsForWhatAModelCanDo) {
  for (const char* word : {"vision", "multimodal", "image-understanding"})
    EXPECT_THAT(ids({{"capability", word}}), ElementsAre("qwen2-vl-7b")) << word;
  for (const char* word : {"embedding", "embeddings", "vector_search"})
    EXPECT_THAT(ids({{"capability", word}}), ElementsAre("nomic-embed-text")) << word;
  for (const char* word : {"chat", "text_generation", "completion"})
    EXPECT_THAT(ids({{"capability", word}}), ElementsAre("llama-3-8b-instruct", "qwen2-vl-7b"))
        << word;
  EXPECT_THAT(ids({{"capability", "instruction-following"}}), ElementsAre("llama-3-8b-instruct"));
  EXPECT_THAT(ids({{"capability", "flying"}}), IsEmpty());
}

TEST_F(QueryTest, AValueThatIsNotAllowedIsAnErrorThatNamesTheRest) {
  EXPECT_THAT(parsed({{"format", "bogus"}}).error().detail,
              testing::AllOf(HasSubstr("format"), HasSubstr("\"bogus\""), HasSubstr("unified"),
                             HasSubstr("docker-model-runner")));
  EXPECT_THAT(parsed({{"available", "maybe"}}).error().detail, HasSubstr("true, false"));
  EXPECT_THAT(parsed({{"include_unavailable", "1"}}).error().detail, HasSubstr("true, false"));
  EXPECT_THAT(parsed({{"type", "model"}}).error().detail, HasSubstr("llm, vlm, embeddings"));
  EXPECT_LT(parsed({{"type", std::string(100'000, 'x')}}).error().detail.size(), 500U);
}

TEST_F(QueryTest, AnEmptyValueIsNone) {
  EXPECT_THAT(ids({{"format", ""}, {"family", ""}, {"type", ""}, {"available", ""}}),
              testing::SizeIs(3));
  EXPECT_EQ(parsed({{"format", "OpenAI"}}).value().shape, Shape::kOpenAi);
}

}  // namespace
}  // namespace olla::models
