#include "sim/json_sample.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace olla::sim {
namespace {

using nlohmann::json;

json sample(const json& schema, std::uint64_t seed = 1) {
  Random random(seed);
  auto text = json_sample(schema, random);
  if (const auto* fault = std::get_if<SchemaFault>(&text)) return "fault: " + fault->reason;
  return json::parse(std::get<std::string>(text));
}

TEST(JsonSampleTest, WritesTheTypesThatASchemaNames) {
  EXPECT_TRUE(sample({{"type", "string"}}).is_string());
  EXPECT_TRUE(sample({{"type", "integer"}}).is_number_integer());
  EXPECT_TRUE(sample({{"type", "number"}}).is_number());
  EXPECT_TRUE(sample({{"type", "boolean"}}).is_boolean());
  EXPECT_TRUE(sample({{"type", "null"}}).is_null());
  EXPECT_TRUE(sample({{"type", "object"}}).is_object());
  EXPECT_TRUE(sample({{"type", "array"}}).is_array());
  EXPECT_TRUE(sample({{"type", {"integer", "null"}}}).is_number_integer());
  EXPECT_TRUE(sample(json::object()).is_string());
  EXPECT_TRUE(sample(true).is_string());
}

TEST(JsonSampleTest, FillsPropertiesAndWhatIsRequiredBeyondThem) {
  const json schema = {
      {"type", "object"},
      {"properties",
       {{"name", {{"type", "string"}}},
        {"tags", {{"type", "array"}, {"items", {{"type", "integer"}}}, {"minItems", 2}}},
        {"inner", {{"type", "object"}, {"properties", {{"ok", {{"const", 5}}}}}}}}},
      {"required", {"name", "extra"}}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const json value = sample(schema, seed);
    EXPECT_TRUE(value.at("name").is_string());
    EXPECT_GE(value.at("tags").size(), 2U);
    EXPECT_TRUE(value.at("tags")[0].is_number_integer());
    EXPECT_EQ(value.at("inner"), json({{"ok", 5}}));
    EXPECT_TRUE(value.contains("extra"));
  }
}

TEST(JsonSampleTest, StaysWithinBounds) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const json whole =
        sample({{"type", "integer"}, {"minimum", -3}, {"exclusiveMaximum", 2}}, seed);
    EXPECT_GE(whole.get<int>(), -3);
    EXPECT_LT(whole.get<int>(), 2);
    EXPECT_LE(sample({{"type", "integer"}, {"maximum", -7}}, seed).get<int>(), -7);
    const json times =
        sample({{"type", "integer"}, {"multipleOf", 7}, {"minimum", -10}, {"maximum", 9}}, seed);
    EXPECT_TRUE(times == -7 || times == 0 || times == 7) << times;
    EXPECT_EQ(sample({{"type", "number"}, {"multipleOf", 0.5}, {"exclusiveMinimum", 1}}, seed),
              1.5);
    const json real = sample({{"type", "number"}, {"exclusiveMinimum", 2}, {"maximum", 3}}, seed);
    EXPECT_GT(real.get<double>(), 2);
    EXPECT_LE(real.get<double>(), 3);
    const json text = sample({{"type", "string"}, {"minLength", 9}, {"maxLength", 10}}, seed);
    EXPECT_GE(text.get<std::string>().size(), 9U);
    EXPECT_LE(text.get<std::string>().size(), 10U);
    EXPECT_LE(sample({{"type", "array"}, {"maxItems", 1}}, seed).size(), 1U);
  }
  EXPECT_EQ(sample({{"type", "string"}, {"pattern", "^a{3}$"}}), "aaa");
  EXPECT_EQ(sample({{"type", "string"}, {"format", "date"}}), "2025-10-02");
}

TEST(JsonSampleTest, ChoosesAmongTheValuesAndSchemasGiven) {
  const json value = sample({{"enum", {"a", 2, nullptr}}});
  EXPECT_TRUE(value == "a" || value == 2 || value.is_null());
  std::set<std::string> types;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const json any = {{"anyOf", {{{"type", "integer"}}, {{"type", "null"}}}}};
    types.insert(sample(any, seed).type_name());
  }
  EXPECT_EQ(types, (std::set<std::string>{"number", "null"}));
  // What stands beside the alternatives counts too.
  const json beside = {{"type", "object"},
                       {"properties", {{"a", {{"const", 1}}}}},
                       {"anyOf", {{{"required", {"b"}}}}}};
  EXPECT_TRUE(sample(beside).contains("b"));
  const json both = sample({{"allOf",
                             {{{"type", "object"}, {"properties", {{"a", {{"const", 1}}}}}},
                              {{"properties", {{"b", {{"const", 2}}}}}}}}});
  EXPECT_EQ(both, json({{"a", 1}, {"b", 2}}));
}

TEST(JsonSampleTest, FollowsReferencesAndEndsRecursion) {
  const json schema = {
      {"$ref", "#/$defs/node"},
      {"$defs",
       {{"node",
         {{"type", "object"},
          {"properties", {{"next", {{"anyOf", {{{"$ref", "#/$defs/node"}}, {{"type", "null"}}}}}}}},
          {"required", {"next"}}}}}}};
  bool nested = false;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const json value = sample(schema, seed).at("next");
    EXPECT_TRUE(value.is_null() || value.contains("next"));
    nested = nested || !value.is_null();
  }
  EXPECT_TRUE(nested);
  // Of the alternatives one ends, wherever it stands.
  const json tree = {{"anyOf",
                      {{{"type", "array"}, {"items", {{"$ref", "#"}}}, {"minItems", 2}},
                       {{"type", "array"}, {"prefixItems", {{{"$ref", "#"}}}}}}}};
  EXPECT_EQ(sample(tree), "fault: Schema is nested too deeply");
  json ended = tree;
  ended["anyOf"].push_back(json({{"const", 1}}));
  EXPECT_TRUE(sample(ended).is_array() || sample(ended) == 1);
  EXPECT_EQ(sample({{"$ref", "#/$defs/a~1b/anyOf/0"},
                    {"$defs", {{"a/b", {{"anyOf", {{{"const", 3}}}}}}}}}),
            3);
  EXPECT_EQ(sample({{"$ref", "#/nowhere"}}), "fault: Unresolvable reference: #/nowhere");
  EXPECT_EQ(sample({{"$ref", "#"}}), "fault: Schema is nested too deeply");
}

TEST(JsonSampleTest, TellsWhatItCannotWrite) {
  EXPECT_EQ(sample({{"type", "unknown"}}), "fault: Unsupported type in schema: unknown");
  EXPECT_EQ(sample(5), "fault: Schema must be an object, got number");
  EXPECT_EQ(sample(false), "fault: Schema must be an object, got boolean");
  EXPECT_EQ(sample({{"enum", json::array()}}), "fault: enum must be a list of values");
  EXPECT_EQ(sample({{"type", "integer"}, {"minimum", 3}, {"maximum", 2}}),
            "fault: Schema has no integer between its bounds");
  EXPECT_EQ(sample({{"type", "string"}, {"pattern", "("}}), "fault: pattern: unclosed group");
  EXPECT_EQ(sample({{"type", "array"},
                    {"items", {{"type", "null"}}},
                    {"minItems", 2},
                    {"uniqueItems", true}}),
            "fault: Schema has no 2 different items");
  EXPECT_EQ(sample({{"type", "string"}, {"pattern", "^a{9}$"}, {"maxLength", 3}}),
            "fault: pattern: no text of the length that the schema wants was found");
  EXPECT_EQ(sample({{"type", "array"}, {"minItems", 100'000}}),
            "fault: Schema asks for too large a document");
}

}  // namespace
}  // namespace olla::sim
