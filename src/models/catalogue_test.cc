#include "models/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace olla::models {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> ids_of(const Catalogue& catalogue) {
  std::vector<std::string> ids;
  for (const Model& model : catalogue.models)
    ids.push_back(model.id);
  return ids;
}

Source source(std::string name, std::string type, const std::vector<ModelEntry>& entries,
              bool ready = true) {
  return {.endpoint = std::move(name), .type = std::move(type), .ready = ready, .entries = entries};
}

TEST(CatalogueTest, PutsNamesTogetherThatDifferInCase) {
  const std::vector<ModelEntry> one = {{.id = "Org/Tiny", .max_model_len = 8192}};
  const std::vector<ModelEntry> two = {{.id = "org/tiny", .max_model_len = 4096}, {.id = "other"}};
  const Catalogue catalogue = make_catalogue({source("a", "vllm", one), source("b", "vllm", two)},
                                             {{"Org/Tiny", 9}, {"org/tiny", 7}, {"other", 8}}, {});
  ASSERT_THAT(ids_of(catalogue), ElementsAre("Org/Tiny", "other"));
  const Model& tiny = catalogue.models[0];
  EXPECT_THAT(tiny.aliases, ElementsAre("Org/Tiny", "org/tiny"));
  EXPECT_EQ(tiny.context, 4096) << "what all of them take";
  EXPECT_EQ(tiny.created, 7);
  ASSERT_EQ(tiny.offers.size(), 2U);
  EXPECT_EQ(tiny.offers[1].entry, two.data());
  EXPECT_EQ(find_model(catalogue, "ORG/TINY"), &tiny);
  EXPECT_EQ(find_model(catalogue, "nope"), nullptr);
}

TEST(CatalogueTest, PutsNamesOfOneFileTogetherWhenItMay) {
  const std::vector<ModelEntry> entries = {{.id = "llama3:8b", .details = {.digest = "d1"}},
                                           {.id = "llama3:latest", .details = {.digest = "d1"}},
                                           {.id = "phi4", .details = {.digest = "d2"}},
                                           {.id = "bare"},
                                           {.id = "bare2"}};
  const FirstSeen seen = {
      {"llama3:8b", 1}, {"llama3:latest", 1}, {"phi4", 2}, {"bare", 3}, {"bare2", 3}};
  const auto make = [&](bool unify) {
    return make_catalogue({source("a", "ollama", entries)}, seen, {.unify = unify});
  };
  EXPECT_THAT(ids_of(make(true)), ElementsAre("llama3:8b", "phi4", "bare", "bare2"));
  EXPECT_THAT(make(true).models[0].aliases, ElementsAre("llama3:8b", "llama3:latest"));
  EXPECT_EQ(make(false).models.size(), 5U);
}

TEST(CatalogueTest, ListsAliasesWithTheFirstTargetThatEachEndpointHas) {
  const std::vector<ModelEntry> one = {{.id = "big", .max_model_len = 100}, {.id = "small"}};
  const std::vector<ModelEntry> two = {{.id = "SMALL", .max_model_len = 50}};
  const std::vector<config::ModelAlias> aliases = {
      {.name = "Default", .models = {"big", "small", "missing"}},
      {.name = "small", .models = {"big"}},
      {.name = "nowhere", .models = {"missing"}}};
  const Catalogue catalogue =
      make_catalogue({source("a", "vllm", one), source("b", "vllm", two)},
                     {{"big", 5}, {"small", 4}, {"SMALL", 4}}, {.aliases = aliases});
  EXPECT_THAT(ids_of(catalogue), ElementsAre("small", "big", "Default"))
      << "an alias of nothing is none, and a model's own name is no alias";
  EXPECT_THAT(catalogue.models[1].aliases, ElementsAre("big", "Default"));
  const Model& alias = catalogue.models[2];
  EXPECT_TRUE(alias.is_alias);
  EXPECT_EQ(alias.created, 4);
  EXPECT_EQ(alias.context, 50);
  ASSERT_EQ(alias.offers.size(), 2U);
  EXPECT_EQ(alias.offers[0].entry->id, "big");
  EXPECT_EQ(alias.offers[1].entry->id, "SMALL");
  EXPECT_EQ(find_model(catalogue, "default"), &alias);
}

TEST(CatalogueTest, PrefersWhatServersToldToWhatTheNameSays) {
  const std::vector<ModelEntry> bare = {{.id = "phi4:14b-q8_0"}};
  const std::vector<ModelEntry> told = {
      {.id = "phi4:14b-q8_0",
       .details = {.family = "Llama", .parameter_size = "8B", .quantization = "Q4_K_M"}}};
  const Catalogue guessed = make_catalogue({source("a", "vllm", bare)}, {}, {});
  EXPECT_EQ(guessed.models[0].parts.family, "phi");
  EXPECT_EQ(guessed.models[0].parts.quantization, "Q8_0");
  EXPECT_EQ(guessed.models[0].parameters, 14'000'000'000);
  const Catalogue known =
      make_catalogue({source("a", "vllm", bare), source("b", "ollama", told)}, {}, {});
  EXPECT_EQ(known.models[0].parts.family, "llama");
  EXPECT_EQ(known.models[0].parts.variant, "4");
  EXPECT_EQ(known.models[0].parts.parameter_size, "8B");
  EXPECT_EQ(known.models[0].parts.quantization, "Q4_K_M");
  EXPECT_EQ(known.models[0].parameters, 8'000'000'000);
}

TEST(CatalogueTest, ItsOrderDoesNotChangeWhenEndpointsComeAndGo) {
  const std::vector<ModelEntry> one = {{.id = "z"}, {.id = "b"}};
  const std::vector<ModelEntry> two = {{.id = "a"}, {.id = "z"}};
  const FirstSeen seen = {{"a", 9}, {"b", 9}, {"z", 3}};
  EXPECT_THAT(
      ids_of(make_catalogue({source("1", "vllm", one), source("2", "vllm", two)}, seen, {})),
      ElementsAre("z", "a", "b"));
  EXPECT_THAT(
      ids_of(make_catalogue({source("2", "vllm", two), source("1", "vllm", one)}, seen, {})),
      ElementsAre("z", "a", "b"));
  EXPECT_THAT(ids_of(make_catalogue({}, seen, {})), IsEmpty());
}

TEST(CatalogueTest, TellsTheStateOfAModelAtAnEndpoint) {
  const std::vector<ModelEntry> entries = {{.id = "m"}};
  const ModelEntry not_loaded = {.id = "m", .details = {.state = "not-loaded"}};
  EXPECT_EQ(state_of(source("a", "vllm", entries), entries[0]), "loaded");
  EXPECT_EQ(state_of(source("a", "ollama", entries), entries[0]), "available");
  EXPECT_EQ(state_of(source("a", "openai-compatible", entries), entries[0]), "unknown");
  EXPECT_EQ(state_of(source("a", "lm-studio", entries), not_loaded), "not-loaded");
  EXPECT_EQ(state_of(source("a", "lm-studio", entries, false), not_loaded), "offline");
}

}  // namespace
}  // namespace olla::models
