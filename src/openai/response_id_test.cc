#include "openai/response_id.h"

#include <gtest/gtest.h>

namespace olla::openai {
namespace {

TEST(ResponseIdTest, StandsInADocumentAndInTheFirstEvent) {
  EXPECT_EQ(response_id_in(R"({"id":"resp_93289a715f59f69c","created_at":1})"),
            "resp_93289a715f59f69c");
  EXPECT_EQ(
      response_id_in("event: response.created\ndata: {\"response\":{\"id\": \"resp_9f\",\"x\":1"),
      "resp_9f");
  EXPECT_EQ(response_id_in(R"({"previous_response_id":"resp_0","output":[{"id":"msg_1"}],)"
                           R"("id" : "resp_1"})"),
            "resp_1");
}

TEST(ResponseIdTest, MayNotBeThere) {
  for (const char* text : {"", "{", R"({"id")", R"({"id":)", R"({"id":"resp_1)",
                           R"({"id":"msg_1"})", R"({"id":5})", R"({"text":"\"id\":\"resp_1\""})"})
    EXPECT_EQ(response_id_in(text), std::nullopt) << text;
}

}  // namespace
}  // namespace olla::openai
