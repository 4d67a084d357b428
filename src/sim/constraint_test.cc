#include "sim/constraint.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

namespace olla::sim {
namespace {

using nlohmann::json;

/// The text for a request, or "status message" when it is refused; empty when nothing is demanded.
std::string text(const json& body, Dialect dialect = Dialect::kNew, std::uint64_t seed = 1) {
  const auto refusal = [](const Answer& answer) {
    const std::string message = json::parse(answer.body)["error"]["message"];
    return std::to_string(answer.status) + " " + message;
  };
  Fields fields(body, dialect);
  const auto read = read_constraint(fields, Kind::kChat);
  if (fields.failed()) return refusal(fields.answer());
  if (const auto* refused = std::get_if<Answer>(&read)) return refusal(*refused);
  const auto& constraint = std::get<std::optional<Constraint>>(read);
  if (!constraint) return {};
  Random random(seed);
  const auto out = constrained_text(*constraint, dialect, random);
  if (const auto* refused = std::get_if<Answer>(&out)) return refusal(*refused);
  return std::get<std::string>(out);
}

json structured(const json& members) {
  return {{"structured_outputs", members}};
}

TEST(ConstraintTest, ReadsStructuredOutputs) {
  for (const Dialect dialect : {Dialect::kOld, Dialect::kNew}) {
    EXPECT_EQ(text(structured({{"choice", {"yes"}}}), dialect), "yes");
    EXPECT_TRUE(std::regex_match(text(structured({{"regex", "[0-9]{3}"}}), dialect),
                                 std::regex("[0-9]{3}")));
    EXPECT_EQ(text(structured({{"json", {{"const", 7}}}}), dialect), "7");
    EXPECT_EQ(text(structured({{"json", "{\"const\": 7}"}}), dialect), "7");
    EXPECT_EQ(text(structured({{"grammar", "root ::= \"a\" \"b\""}}), dialect), "ab");
    EXPECT_TRUE(json::parse(text(structured({{"json_object", true}}), dialect)).is_object());
    EXPECT_EQ(text(structured({{"json_object", false}}), dialect), "");
  }
}

TEST(ConstraintTest, ReadsGuidedParametersOnlyForAnOldServer) {
  const json body = {{"guided_choice", {"yes"}}, {"guided_decoding_backend", "outlines"}};
  EXPECT_EQ(text(body, Dialect::kOld), "yes");
  EXPECT_EQ(text(body, Dialect::kNew), "");
  EXPECT_EQ(text({{"guided_regex", "ab"}}, Dialect::kOld), "ab");
  EXPECT_EQ(text({{"guided_json", {{"const", true}}}}, Dialect::kOld), "true");
  EXPECT_EQ(text({{"guided_grammar", "root ::= \"a\""}}, Dialect::kOld), "a");
  EXPECT_EQ(text({{"guided_regex", "("}}, Dialect::kNew), "");
}

TEST(ConstraintTest, ReadsTheResponseFormat) {
  EXPECT_EQ(text({{"response_format", {{"type", "text"}}}}), "");
  EXPECT_EQ(text({{"response_format", nullptr}}), "");
  EXPECT_TRUE(json::parse(text({{"response_format", {{"type", "json_object"}}}})).is_object());
  const json schema = {{"name", "a"}, {"schema", {{"const", 1}}}};
  EXPECT_EQ(text({{"response_format", {{"type", "json_schema"}, {"json_schema", schema}}}}), "1");
}

TEST(ConstraintTest, ChoosesByTheSeed) {
  const json body = structured({{"choice", {"a", "b", "c", "d", "e", "f"}}});
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(text(body, Dialect::kNew, seed));
  }
  EXPECT_EQ(seen.size(), 6U);
}

TEST(ConstraintTest, RefusesWhatContradictsItself) {
  EXPECT_TRUE(
      text(structured({{"choice", {"a"}}, {"regex", "a"}})).starts_with("400 You can only"));
  const json both = {{"structured_outputs", {{"choice", {"a"}}}},
                     {"response_format", {{"type", "json_object"}}}};
  EXPECT_TRUE(text(both).starts_with("400 You can only use one kind"));
  EXPECT_TRUE(text({{"guided_regex", "a"}, {"guided_choice", {"a"}}}, Dialect::kOld)
                  .starts_with("400 You can only use one kind"));
}

TEST(ConstraintTest, RefusesWhatItCannotFollow) {
  EXPECT_TRUE(text(structured({{"regex", "(?=a)"}})).starts_with("400 Grammar error: at 1(8)"));
  EXPECT_EQ(text(structured({{"grammar", ""}})), "400 Grammar error: unknown rule start");
  EXPECT_EQ(text(structured({{"choice", json::array()}})),
            "400 Grammar error: choice must not be empty");
  EXPECT_EQ(text(structured({{"json", "{"}})), "400 Grammar error: the schema is no JSON");
  json deep = json::object();
  for (int i = 0; i < 100; ++i) {
    deep = {{"items", deep}};
  }
  EXPECT_EQ(text(structured({{"json", deep}})), "400 Grammar error: schema is nested too deeply");
  EXPECT_EQ(text(structured({{"json", deep.dump()}})),
            "400 Grammar error: schema is nested too deeply");
}

TEST(ConstraintTest, RefusesValuesOfTheWrongType) {
  for (const json& body :
       {structured("x"), structured({{"regex", 5}}), structured({{"choice", "a"}}),
        structured({{"choice", {1}}}), structured({{"json", 5}}),
        json({{"response_format", "json"}}), json({{"response_format", {{"type", "json_schema"}}}}),
        json({{"response_format", json::object()}})}) {
    EXPECT_TRUE(text(body).starts_with("400 ")) << body;
  }
}

}  // namespace
}  // namespace olla::sim
