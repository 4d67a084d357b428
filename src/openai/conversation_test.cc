#include "openai/conversation.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::openai {
namespace {

constexpr std::size_t kLimit = 32;

std::optional<std::uint64_t> hash(std::string_view body, std::size_t limit = kLimit) {
  return conversation_hash(body, limit);
}

/// A chat that begins with a system prompt.
std::string chat(const std::string& system, const std::string& user, const std::string& more = "") {
  return R"({"messages":[{"role":"system","content":")" + system +
         R"("},{"role":"user","content":")" + user + "\"}" + more + "]}";
}

TEST(Fnv1aTest, IsThatOfTheStandardVectors) {
  Fnv1a hash;
  EXPECT_EQ(hash.value(), 0xcbf29ce484222325ULL);
  hash.add("a");
  hash.add("bc");
  EXPECT_EQ(hash.value(), 0xe71fa2190541574bULL);
}

TEST(ConversationTest, StaysTheSameWhileAConversationGoesOn) {
  const auto first = hash(chat("be brief", "hello"));
  ASSERT_TRUE(first);
  EXPECT_EQ(hash(chat("be brief", "hello", R"(,{"role":"assistant","content":"hi"})")), first);
  EXPECT_EQ(hash(chat("be brief", "hello",
                      R"(,{"role":"assistant","content":"hi"},{"role":"user","content":"more"})")),
            first);
  EXPECT_NE(hash(chat("be brief", "hallo")), first);
  EXPECT_NE(hash(chat("be wordy", "hello")), first);
  EXPECT_NE(hash(R"({"messages":[{"role":"user","content":"hello"}]})"), first);
}

// Olla hashes raw bytes at the front of the body.
TEST(ConversationTest, OllaW43HowItIsWrittenMakesNoDifference) {
  const auto wanted = hash(R"({"messages":[{"role":"user","content":"Aé\"x"}],"model":"m"})");
  for (const std::string_view same :
       {R"({"model":"m","messages":[{"role":"user","content":"Aé\"x"}]})",
        R"({ "temperature": 1, "messages" : [ { "content" : "Aé\"x" , "role":"user" } ] })",
        R"({"messages":[{"role":"user","name":"n","content":"\u0041\u00e9\u0022x"}]})",
        R"({"messages":[{"role":"user","content":[{"type":"text","text":"Aé\"x"}]}]})"}) {
    EXPECT_EQ(hash(same), wanted) << same;
  }
}

// Olla pins all users of one application to one endpoint, when its prompt is long.
TEST(ConversationTest, OllaW43UsersOfOneLongSystemPromptAreToldApart) {
  const std::string system(10 * kLimit, 's');
  EXPECT_NE(hash(chat(system, "one")), hash(chat(system, "two")));
  EXPECT_EQ(hash(chat(system, "one")), hash(chat(system + "more", "one")));
  const std::string start(kLimit, 'u');
  EXPECT_EQ(hash(chat(system, start + "a")), hash(chat(system, start + "b")));
  EXPECT_NE(hash(chat(system, start + "a"), kLimit + 1),
            hash(chat(system, start + "b"), kLimit + 1));
}

TEST(ConversationTest, KnowsTheMembersOfTheOtherRoutes) {
  EXPECT_NE(hash(R"({"system":"a","messages":[{"role":"user","content":"x"}]})"),
            hash(R"({"system":"b","messages":[{"role":"user","content":"x"}]})"));
  EXPECT_EQ(hash(R"({"instructions":"a","input":[{"role":"user","content":"x"}]})"),
            hash(R"({"input":[{"content":"x","role":"user"}],"instructions":"a"})"));
  EXPECT_TRUE(hash(R"({"prompt":"once"})"));
  EXPECT_NE(hash(R"({"prompt":"once"})"), hash(R"({"prompt":"twice"})"));
  EXPECT_EQ(hash(R"({"prompt":[1, 2]})"), hash(R"({"prompt":[ 1,2 ]})"));
  EXPECT_TRUE(hash(R"({"input":"once"})"));
  EXPECT_TRUE(hash(R"({"messages":[],"prompt":"once"})"));
  EXPECT_NE(hash(R"({"messages":[{"role":"user","content":[{"type":"image_url","x":"1"}]}]})"),
            hash(R"({"messages":[{"role":"user","content":[{"type":"image_url","x":"2"}]}]})"));
}

TEST(ConversationTest, NothingToGoByIsNone) {
  for (const std::string_view body :
       {"", "{}", "[]", "x", R"({"messages":[]})", R"({"messages":null})", R"({"prompt":""})",
        R"({"model":"m"})", R"({"messages":"x"})"}) {
    EXPECT_FALSE(hash(body)) << body;
  }
}

TEST(ConversationTest, TakesWhateverComes) {
  const std::string whole =
      chat("s\\ud83d\\ude00 \\\\", "u\\n\\ud83d x \\uZZZZ", ",[{\"a\":[1,{}]}]");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    for (const std::size_t limit : {0, 1, 3, 100})
      hash(std::string_view(whole).substr(0, size), static_cast<std::size_t>(limit));
  }
}

}  // namespace
}  // namespace olla::openai
