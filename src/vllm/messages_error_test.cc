#include "vllm/messages_error.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace olla::vllm {
namespace {

/// "type: message" of what the client gets.
std::string told(int status, std::string_view body) {
  const auto made = messages_error_of(status, body);
  if (!made) return "unchanged";
  const auto document = nlohmann::json::parse(*made);
  EXPECT_EQ(document["type"], "error");
  return document["error"]["type"].get<std::string>() + ": " +
         document["error"]["message"].get<std::string>();
}

TEST(MessagesErrorTest, TellsWhatRealServersSaidInOtherShapes) {
  const struct {
    int status;
    const char* body;
    const char* told;
  } cases[] = {
      // vLLM 0.32, validation: max_tokens is missing.
      {400,
       R"({"error":{"message":"1 validation error:\n  {'type': 'missing', 'loc': )"
       R"('body.max_tokens', 'msg': 'Field required', 'input': '<dict of 2 items>'}",)"
       R"("type":"Bad Request","param":"body.max_tokens","code":400}})",
       "invalid_request_error: 1 validation error:\n  {'type': 'missing', 'loc': "
       "'body.max_tokens', 'msg': 'Field required', 'input': '<dict of 2 items>'}"},
      // The same, without a key.
      {401, R"({"error":"Unauthorized"})", "authentication_error: Unauthorized"},
      {404, R"({"detail":"Not Found"})", "not_found_error: Not Found"},
      {400, R"({"detail":"There was an error parsing the body"})",
       "invalid_request_error: There was an error parsing the body"},
      {500, "Internal Server Error", "api_error: Internal Server Error"},
      {400, "Invalid HTTP request received.",
       "invalid_request_error: Invalid HTTP request "
       "received."},
      // FastAPI's own validation.
      {422,
       R"({"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"},)"
       R"({"type":"x","msg":"odd"},{"type":"y"},7]})",
       "invalid_request_error: body.messages.0.role: Field required; odd"},
      // SGLang.
      {400, R"({"object":"error","message":"too long","type":"BadRequestError","code":400})",
       "invalid_request_error: too long"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(told(c.status, c.body), c.told) << c.body;
}

TEST(MessagesErrorTest, LeavesWhatHasTheShape) {
  for (const char* body : {
           R"({"type":"error","error":{"type":"NotFoundError","message":"no"}})",
           R"( {"error": {"message": "", "type": "overloaded_error", "more": 1}, "type": "error"})",
       })
    EXPECT_EQ(told(404, body), "unchanged") << body;
}

TEST(MessagesErrorTest, OfAnUnknownShapeTheTextIsTheMessage) {
  for (const char* body :
       {R"({"code":7})", R"([{"error":"x"}])", R"("text")", "7", R"({"error":null})",
        R"({"error":{"message":7}})", R"({"detail":[]})", R"({"detail":[{"loc":[],"msg":7}]})",
        R"({"type":"error","error":"x)", R"({"type":"error"})", "<html>no</html>"})
    EXPECT_EQ(told(500, body), "api_error: " + std::string(body));
  EXPECT_EQ(told(502, " \r\n bad\tgateway \n"), "api_error: bad\tgateway");
}

TEST(MessagesErrorTest, SaysTheStatusWhereThereIsNoText) {
  for (const char* body : {"", " \r\n"})
    EXPECT_EQ(told(503, body), "api_error: The endpoint answered with status 503.");
  EXPECT_EQ(told(529, ""), "overloaded_error: The endpoint answered with status 529.");
}

TEST(MessagesErrorTest, CutsATextThatIsNoMessage) {
  const std::string page = "<html>" + std::string(5000, 'x');
  EXPECT_EQ(told(500, page), "api_error: " + page.substr(0, kPlainErrorBytesMax));
  // Not within a character.
  const std::string letters = "x" + [] {
    std::string text;
    for (int i = 0; i < 1000; ++i)
      text += "\xC3\xA4";
    return text;
  }();
  EXPECT_EQ(told(500, letters), "api_error: " + letters.substr(0, kPlainErrorBytesMax - 1));
}

TEST(MessagesErrorTest, AMessageIsValidTextWhateverItsBytes) {
  EXPECT_EQ(told(500, "a\xFF\"b\x01"), "api_error: a\xEF\xBF\xBD\"b\x01");
}

TEST(MessagesErrorTest, DeepDocumentsAreNoDanger) {
  const std::string deep(kErrorBytesMax, '[');
  EXPECT_EQ(told(500, deep), "api_error: " + deep.substr(0, kPlainErrorBytesMax));
  std::string closed = R"({"error":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
  EXPECT_EQ(told(500, closed), "api_error: " + closed.substr(0, kPlainErrorBytesMax));
}

}  // namespace
}  // namespace olla::vllm
