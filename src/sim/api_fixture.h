#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/api.h"

namespace olla::sim {

using nlohmann::json;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kCompletions = "/v1/completions";

/// A simulated server of version 0.32.0, asked without a socket at times that the test names.
class ApiTest : public testing::Test {
 protected:
  explicit ApiTest(const char* version = "0.32.0") : ApiTest(options(version)) {}
  explicit ApiTest(ApiOptions made) : api_(std::move(made), {}) {}

  static ApiOptions options(const char* version = "0.32.0") {
    ApiOptions out;
    out.version = version;
    out.models = {"llama", "llama-alias"};
    return out;
  }

  Reply post(std::string_view target, const json& body, int ms = 0) {
    const std::string text = body.dump();
    const ApiRequest request{"POST", target, "sim", "application/json", {}, text};
    return api_.handle(request, {at(ms), 1000});
  }

  Reply get(std::string_view target) {
    return api_.handle({"GET", target, "sim", {}, {}, {}}, {at(0), 1000});
  }

  std::unique_ptr<Generation> start(std::string_view target, const json& body, int ms = 0) {
    Reply reply = post(target, body, ms);
    const Answer* answer = std::get_if<Answer>(&reply);
    EXPECT_EQ(answer, nullptr) << answer->body;
    return std::get<std::unique_ptr<Generation>>(std::move(reply));
  }

  json error(std::string_view target, const json& body) {
    Reply reply = post(target, body);
    return json::parse(std::get<Answer>(reply).body)["error"];
  }

  /// The complete answer of a request that is not streamed.
  json answer(std::string_view target, const json& body) {
    const auto generation = start(target, body);
    api_.advance(at(10'000'000));
    json out = json::parse(generation->answer().body);
    api_.leave(*generation, at(10'000'000));
    return out;
  }

  /// All events but [DONE].
  std::vector<json> events(std::string_view target, json body) {
    body["stream"] = true;
    const auto generation = start(target, body);
    api_.advance(at(10'000'000));
    std::vector<json> out;
    while (const auto event = generation->take_event()) {
      const std::string data = event->substr(6);
      out.push_back(data.starts_with("[DONE]") ? json("done") : json::parse(data));
    }
    api_.leave(*generation, at(10'000'000));
    EXPECT_EQ(out.back(), "done");
    out.pop_back();
    return out;
  }

  static json chat(std::string_view text) {
    return {{"messages", {{{"role", "user"}, {"content", text}}}}};
  }

  static TimePoint at(int ms) { return TimePoint(std::chrono::milliseconds(ms)); }

  Api api_;
};

class OldApiTest : public ApiTest {
 protected:
  OldApiTest() : ApiTest("0.11.0") {}
};

}  // namespace olla::sim
