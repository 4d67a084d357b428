// Compares this server's answers with those of vLLM 0.32.0 and 0.11.0, recorded for the same
// requests.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/api.h"

namespace olla::sim {
namespace {

using Json = nlohmann::ordered_json;

Json recordings(const std::string& name) {
  std::ifstream file(std::string(OLLA_SIM_TESTDATA) + "/" + name);
  return Json::parse(file);
}

struct Received {
  Answer answer;
  std::vector<std::string> events;  // without "data: " and the empty line
};

constexpr const char* kNewVersion = "0.32.0";
constexpr const char* kOldVersion = "0.11.0.post2";

Received ask(const Json& recorded, const std::string& model, const char* version) {
  ApiOptions options;
  options.version = version;
  options.models = {model};
  options.service = model == "tiny" ? Service::kGenerate : Service::kEmbed;
  if (recorded["target"] == "/classify") options.service = Service::kClassify;
  options.rules.max_model_len = 2048;
  Api api(options, {});
  const auto text = [&recorded](const char* key) { return recorded.value(key, std::string()); };
  const std::string method = text("method");
  const std::string target = text("target");
  const std::string type = text("content_type");
  const std::string id = text("request_id");
  const std::string body = text("body");
  ApiRequest request{method, target, "127.0.0.1:42000", {}, {}, body};
  if (!type.empty()) request.content_type = type;
  if (!id.empty()) request.request_id = id;
  Reply reply = api.handle(request, {});
  if (auto* answer = std::get_if<Answer>(&reply)) return {std::move(*answer), {}};

  auto& generation = std::get<std::unique_ptr<Generation>>(reply);
  api.advance(TimePoint(std::chrono::hours(1)));
  Received received;
  while (const auto event = generation->take_event()) {
    EXPECT_TRUE(event->ends_with("\n\n"));
    const std::size_t data = event->find("data: ") + 6;
    received.events.push_back(event->substr(data, event->size() - data - 2));
  }
  if (!generation->streamed()) received.answer = generation->answer();
  api.leave(*generation, {});
  return received;
}

/// The names, their order, and the kinds of values; what a value is does not count, except for the
/// constants `object`, `role` and the like, which are words of the format.
std::string shape(const Json& value, bool in_logprobs = false) {
  if (value.is_object()) {
    // Maps from a token to its logprob: the keys are the model's affair.
    if (in_logprobs && !value.contains("token")) return "map of " + shape(value.front());
    std::string out = "{";
    for (const auto& [key, member] : value.items()) {
      const bool constant = key == "object" || key == "role" || key == "owned_by";
      out +=
          key + ":" + (constant ? member.dump() : shape(member, key.ends_with("_logprobs"))) + ",";
    }
    return out + "}";
  }
  if (value.is_array()) {
    // Lists differ in length; what matters is what kinds of items follow each other.
    std::string out = "[";
    std::string last;
    for (const Json& item : value) {
      const std::string next = shape(item, in_logprobs);
      if (next != last) out += next + ",";
      last = next;
    }
    return out + "]";
  }
  return value.is_number_integer() ? "integer" : value.type_name();
}

std::vector<std::string> head_fields(const Answer& answer) {
  std::vector<std::string> out;
  for (const auto& [name, value] : answer.headers) {
    out.push_back(std::string(name) + ": " + value);
  }
  return out;
}

void compare_exactly(const Json& all, const char* version) {
  for (const Json& recorded : all) {
    SCOPED_TRACE(recorded["name"].get<std::string>());
    const Received received = ask(recorded, recorded["model"].get<std::string>(), version);
    EXPECT_EQ(received.answer.status, recorded["status"].get<int>());
    // The answer to HEAD names the length of the body that GET would have.
    if (recorded["method"] != "HEAD") {
      EXPECT_EQ(received.answer.body, recorded["answer"].get<std::string>());
    }
    EXPECT_EQ(head_fields(received.answer), recorded["fields"].get<std::vector<std::string>>());
  }
}

TEST(RecordedTest, RefusesInTheSameWords) {
  const Json all = recordings("exact.json");
  ASSERT_GT(all.size(), 90U);
  compare_exactly(all, kNewVersion);
}

TEST(RecordedTest, RefusesInTheSameWordsAsAnOldVersion) {
  const Json all = recordings("exact-0.11.json");
  ASSERT_GT(all.size(), 60U);
  compare_exactly(all, kOldVersion);
}

void compare_shapes(const Json& all, const char* version) {
  for (const Json& recorded : all) {
    SCOPED_TRACE(recorded["name"].get<std::string>());
    const bool embeds = recorded["target"] == "/v1/embeddings";
    const std::string model = recorded.value("model", embeds ? "tiny-embed" : "tiny");
    const Received received = ask(recorded, model, version);
    if (recorded.contains("answer")) {
      EXPECT_EQ(received.answer.status, 200) << received.answer.body;
      const Json answer = Json::parse(received.answer.body, nullptr, false);
      EXPECT_EQ(shape(answer), shape(recorded["answer"]));
      EXPECT_EQ(received.answer.headers.size(), recorded["fields"].size());
      continue;
    }
    ASSERT_GT(received.events.size(), 1U);
    const bool completes = recorded["target"].get<std::string>().ends_with("/completions");
    EXPECT_EQ(received.events.back() == "[DONE]", completes);
    Json events = Json::array();
    for (std::size_t i = 0; i + (completes ? 1 : 0) < received.events.size(); ++i) {
      events.push_back(Json::parse(received.events[i], nullptr, false));
    }
    EXPECT_EQ(shape(events), shape(recorded["events"]));
  }
}

TEST(RecordedTest, AnswersWithTheSameKeysInTheSameOrder) {
  const Json all = recordings("answers.json");
  ASSERT_GT(all.size(), 40U);
  compare_shapes(all, kNewVersion);
}

TEST(RecordedTest, AnswersWithTheSameKeysInTheSameOrderAsAnOldVersion) {
  const Json all = recordings("answers-0.11.json");
  ASSERT_GT(all.size(), 40U);
  compare_shapes(all, kOldVersion);
}

TEST(RecordedTest, BuildsTheIdFromTheClientsRequestId) {
  int seen = 0;
  for (const Json& recorded : recordings("answers.json")) {
    if (recorded["name"] != "xreqid-off" && recorded["name"] != "chat-request-id") continue;
    ++seen;
    const Json answer = Json::parse(ask(recorded, "tiny", kNewVersion).answer.body);
    EXPECT_EQ(answer["id"], recorded["answer"]["id"]);
  }
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace olla::sim
