#include "vllm/errors.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace olla::vllm {
namespace {

std::string answer(std::string_view body) {
  return not_an_object_error(openai::inspect_request(body), body);
}

TEST(ErrorBodyTest, HasItsOwnShapeOnTheMessagesRoutes) {
  ApiError error;
  error.message = "The model `nope` does not exist. Valid aliases: tiny.";
  error.type = "NotFoundError";
  EXPECT_EQ(error_body(error, ErrorShape::kMessages),
            R"({"type":"error","error":{"type":"NotFoundError","message":"The model `nope` does )"
            R"(not exist. Valid aliases: tiny."}})");
  EXPECT_EQ(error_shape_of("/v1/messages"), ErrorShape::kMessages);
  EXPECT_EQ(error_shape_of("/v1/messages/count_tokens"), ErrorShape::kMessages);
  EXPECT_EQ(error_shape_of("/v1/messagesx"), ErrorShape::kOpenAi);
  EXPECT_EQ(error_shape_of("/v1/chat/completions"), ErrorShape::kOpenAi);
}

TEST(ErrorBodyTest, HasTheKeysInOrderAndTheStatusAsCode) {
  EXPECT_EQ(
      error_body(
          {.message = "no such model", .type = "NotFoundError", .param = "model", .status = 404}),
      R"({"error":{"message":"no such model","type":"NotFoundError","param":"model","code":404}})");
}

TEST(ErrorBodyTest, WritesNullWithoutParamAndTheWordWhenOneIsGiven) {
  EXPECT_EQ(error_body({.message = "m", .type = "t", .status = 503, .code_word = "no_endpoint"}),
            R"({"error":{"message":"m","type":"t","param":null,"code":"no_endpoint"}})");
}

TEST(ErrorBodyTest, IsJsonWhateverTheTextsHold) {
  const std::string nasty = "a\"b\\c\n\x01\xff\xC3\xA9";
  const auto parsed = nlohmann::json::parse(
      error_body({.message = nasty, .type = nasty, .param = nasty, .code_word = nasty}));
  EXPECT_EQ(parsed["error"]["message"], "a\"b\\c\n\x01\xEF\xBF\xBD\xC3\xA9");
  EXPECT_EQ(parsed["error"]["param"], parsed["error"]["code"]);
}

// The literals in the next test are bodies that vLLM 0.32.0 sent, byte for byte.
TEST(NotAnObjectErrorTest, SaysWhatVllmSays) {
  const std::string missing =
      R"({"error":{"message":"1 validation error:\n  {'type': 'missing', 'loc': 'body', )"
      R"('msg': 'Field required', 'input': 'None'}","type":"Bad Request","param":"body",)"
      R"("code":400}})";
  EXPECT_EQ(answer(""), missing);
  EXPECT_EQ(answer("null"), missing);
  EXPECT_EQ(
      answer("[]"),
      R"({"error":{"message":"1 validation error:\n  {'type': 'model_attributes_type', )"
      R"('loc': 'body', 'msg': 'Input should be a valid dictionary or object to extract fields )"
      R"(from', 'input': '<list of 0 items>'}","type":"Bad Request","param":"body","code":400}})");
  // vLLM said this at position 28 of a broken object.
  EXPECT_EQ(
      not_an_object_error({.kind = openai::BodyKind::kNotJson, .error_offset = 28}, "not used"),
      R"({"error":{"message":"1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.28', )"
      R"('msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': )"
      R"('Expecting value'}}","type":"Bad Request","param":"body.28","code":400}})");
}

struct InputCase {
  std::string body;
  std::string input;
};

TEST(NotAnObjectErrorTest, NamesTheValueThatItGot) {
  const InputCase cases[] = {
      {"[1,[2,3],\"a,b\"]", "<list of 3 items>"},
      {"\xEF\xBB\xBF [null]", "<list of 1 items>"},
      {"\"hi\"", "hi"},
      {" \"a\\u0041\" ", "aA"},
      {"\"", ""},
      {"\"cut off", "cut off"},
      {"\"bad \\x escape\"", "bad \\x escape"},
      {"5", "5"},
      {"-1.5e3\n", "-1.5e3"},
      {"true", "True"},
      {"false", "False"},
      {"\"" + std::string(99, 'x') + "\xC3\xA9\"", std::string(99, 'x')},
      {std::string(300, '1'), std::string(100, '1')},
  };
  for (const InputCase& c : cases) {
    SCOPED_TRACE(c.body);
    const auto parsed = nlohmann::json::parse(answer(c.body));
    const auto message = parsed["error"]["message"].get<std::string>();
    EXPECT_TRUE(message.ends_with(", 'input': '" + c.input + "'}")) << message;
  }
}

TEST(NotAnObjectErrorTest, PointsAtThePlaceWhereAValueShouldBegin) {
  EXPECT_NE(answer("  hello").find(R"("param":"body.2")"), std::string::npos);
  EXPECT_NE(answer("   ").find(R"("param":"body.3")"), std::string::npos);
  EXPECT_NE(answer("\xEF\xBB\xBF").find(R"("param":"body.0")"), std::string::npos);
}

TEST(ErrorBodyTest, AnthropicHasItsOwnWordForEachStatus) {
  const struct {
    int status;
    const char* word;
  } cases[] = {
      {400, "invalid_request_error"},
      {401, "authentication_error"},
      {403, "permission_error"},
      {404, "not_found_error"},
      {405, "invalid_request_error"},
      {408, "timeout_error"},
      {413, "request_too_large"},
      {429, "rate_limit_error"},
      {500, "api_error"},
      {502, "api_error"},
      {503, "api_error"},
      {504, "timeout_error"},
      {529, "overloaded_error"},
  };
  for (const auto& c : cases) {
    const std::string body =
        error_body({.message = "m\"", .type = "x", .status = c.status}, ErrorShape::kAnthropic);
    EXPECT_EQ(body, std::string(R"({"type":"error","error":{"type":")") + c.word +
                        R"(","message":"m\""}})");
  }
}

}  // namespace
}  // namespace olla::vllm
