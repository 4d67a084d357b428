#include "vllm/models_document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace olla::vllm {
namespace {

using Json = nlohmann::json;

// As vLLM 0.32.0 with an alias and an adapter listed them, with shorter permissions.
std::vector<ModelEntry> recorded() {
  return {
      {.id = "tiny",
       .owned_by = "vllm",
       .root = "./tiny-llama",
       .max_model_len = 2048,
       .permission = R"([{"allow_sampling":true,"id":"modelperm-b88"}])"},
      {.id = "tiny-alias", .owned_by = "vllm", .root = "./tiny-llama", .max_model_len = 2048},
      {.id = "tiny-sql", .owned_by = "vllm", .root = "./tiny-lora", .parent = "tiny"},
  };
}

TEST(UnionOfModelsTest, ListsEachModelOnceWithTheTimeItWasFirstSeen) {
  const auto models = recorded();
  const std::vector<EndpointModels> endpoints = {{"one", models}, {"two", models}};
  const auto fleet =
      union_of_models(endpoints, {{"tiny", 50}, {"tiny-alias", 50}, {"tiny-sql", 40}});
  ASSERT_EQ(fleet.size(), 3U);
  EXPECT_EQ(models_document(fleet),
            R"({"object":"list","data":[{"id":"tiny-sql","object":"model","created":40,)"
            R"("owned_by":"vllm","root":"./tiny-lora","parent":"tiny","max_model_len":null,)"
            R"("permission":[]},{"id":"tiny","object":"model","created":50,"owned_by":"vllm",)"
            R"("root":"./tiny-llama","parent":null,"max_model_len":2048,)"
            R"("permission":[{"allow_sampling":true,"id":"modelperm-b88"}]},{"id":"tiny-alias",)"
            R"("object":"model","created":50,"owned_by":"vllm","root":"./tiny-llama",)"
            R"("parent":null,"max_model_len":2048,"permission":[]}]})");
}

TEST(UnionOfModelsTest, KeepsItsOrderWhenEndpointsComeAndGo) {
  const std::vector<ModelEntry> one = {{.id = "b"}, {.id = "a"}, {.id = "a-sql", .parent = "a"}};
  const std::vector<ModelEntry> two = {{.id = "c"}, {.id = "a"}, {.id = "new"}};
  const FirstSeen seen = {{"a", 9}, {"a-sql", 9}, {"b", 9}, {"c", 9}, {"new", 10}};
  const auto ids = [&seen](const std::vector<EndpointModels>& endpoints) {
    std::vector<std::string> out;
    for (const FleetModel& model : union_of_models(endpoints, seen))
      out.push_back(model.entry.id);
    return out;
  };
  const std::vector<std::string> all = {"a", "b", "c", "a-sql", "new"};
  EXPECT_EQ(ids({{"one", one}, {"two", two}}), all);
  EXPECT_EQ(ids({{"two", two}, {"one", one}}), all);
  EXPECT_EQ(ids({{"two", two}}), (std::vector<std::string>{"a", "c", "new"}));
  EXPECT_TRUE(ids({}).empty());
}

TEST(UnionOfModelsTest, ShowsTheSmallestLengthAndTheRestWhereEndpointsDiffer) {
  const std::vector<ModelEntry> wide = {{.id = "a", .max_model_len = 8192}};
  const std::vector<ModelEntry> narrow = {{.id = "a", .max_model_len = 4096}};
  const std::vector<ModelEntry> silent = {{.id = "a"}};
  const auto fleet =
      union_of_models(std::vector<EndpointModels>{{"w", wide}, {"n\"", narrow}, {"s", silent}}, {});
  ASSERT_EQ(fleet.size(), 1U);
  const Json document = Json::parse(model_document(fleet[0]));
  EXPECT_EQ(document["max_model_len"], 4096);
  EXPECT_EQ(document["olla"], Json::parse(R"({"endpoints":[{"name":"w","max_model_len":8192},
                            {"name":"n\"","max_model_len":4096},
                            {"name":"s","max_model_len":null}]})"));
  const auto alike = union_of_models(std::vector<EndpointModels>{{"w", wide}, {"x", wide}}, {});
  EXPECT_FALSE(Json::parse(model_document(alike.at(0))).contains("olla"));
}

TEST(ModelIdOfPathTest, DecodesSlashesAndOtherEscapes) {
  EXPECT_EQ(model_id_of_path("meta-llama/Llama-3-8B"), "meta-llama/Llama-3-8B");
  EXPECT_EQ(model_id_of_path("meta-llama%2FLlama-3-8B"), "meta-llama/Llama-3-8B");
  EXPECT_EQ(model_id_of_path("a%2fb%25+c"), "a/b%+c");
  for (const std::string_view bad : {"", "a%", "a%2", "a%zz", "a%00b"})
    EXPECT_FALSE(model_id_of_path(bad).has_value()) << bad;
}

TEST(ServedNameTest, PrefersTheExactNameToOneOfAnotherCase) {
  const std::vector<std::string> served = {"LLAMA", "Llama", "mistral"};
  EXPECT_EQ(served_name("Llama", served), "Llama");
  EXPECT_EQ(served_name("llama", served), "LLAMA");
  EXPECT_EQ(served_name("MISTRAL", served), "mistral");
  EXPECT_FALSE(served_name("mistral2", served).has_value());
  EXPECT_FALSE(served_name("", served).has_value());
  EXPECT_FALSE(served_name("llama", {}).has_value());
}

TEST(ServedNameTest, AModelIsFoundByItsNameInAnyCase) {
  std::vector<FleetModel> models(2);
  models[0].entry.id = "LLAMA";
  models[1].entry.id = "Llama";
  EXPECT_EQ(served_model("Llama", models), &models[1]);
  EXPECT_EQ(served_model("llama", models), models.data());
  EXPECT_EQ(served_model("llama2", models), nullptr);
}

TEST(UnknownModelTest, SaysWhatVllmSaysWithTheNamesThatExist) {
  EXPECT_EQ(unknown_model_error("nope", std::vector<std::string>{"tiny"}),
            R"({"error":{"message":"The model `nope` does not exist. Valid aliases: tiny.",)"
            R"("type":"NotFoundError","param":"model","code":404}})");
  EXPECT_EQ(Json::parse(unknown_model_error(
                "\"\n", std::vector<std::string>{"a", "b"}))["error"]["message"],
            "The model `\"\n` does not exist. Valid aliases: a, b.");
  EXPECT_EQ(Json::parse(unknown_model_error("x", {}))["error"]["message"],
            "The model `x` does not exist.");
}

TEST(UnknownModelTest, RepeatsOnlyTheBeginningOfALongName) {
  const std::string name = std::string(99, 'x') + "\u00e9" + std::string(1'000'000, 'y');
  EXPECT_EQ(Json::parse(unknown_model_error(name, {}))["error"]["message"],
            "The model `" + std::string(99, 'x') + "` does not exist.");
}

TEST(UnknownModelTest, NamesNoMoreThanAHundred) {
  const std::vector<std::string> many(101, "m");
  const std::string message = Json::parse(unknown_model_error("x", many))["error"]["message"];
  EXPECT_TRUE(message.ends_with("m, m, ..."));
  EXPECT_EQ(std::count(message.begin(), message.end(), ','), 100);
}

}  // namespace
}  // namespace olla::vllm
