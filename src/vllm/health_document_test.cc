#include "vllm/health_document.h"

#include <gtest/gtest.h>

#include <vector>

namespace olla::vllm {
namespace {

const EngineState kBusy = {.running = 2, .waiting = 3, .kv_cache_usage = 0.5};
const EngineState kIdle = {.running = 0, .waiting = 0, .kv_cache_usage = 0.25};
const EngineState kSilent = {.running = 1, .waiting = 0};
const std::vector<std::string> kModels = {"llama", "mistral"};

TEST(HealthDocumentTest, HasTheFiveKeysInOrderAndTheEndpoints) {
  const EndpointHealth endpoints[] = {
      {"one", true, "healthy", kModels, "0.32.0", &kBusy, 0.2504},
      {"two", true, "healthy", {}, "", nullptr, std::nullopt},
  };
  const HealthDocument document = health_document(endpoints);
  EXPECT_EQ(document.status, 200);
  EXPECT_EQ(document.body,
            R"({"status":"healthy","model_loaded":true,"gpu_memory_usage":0.5,)"
            R"("num_requests_running":2,"num_requests_waiting":3,"endpoints":[)"
            R"({"name":"one","status":"healthy","models":["llama","mistral"],"version":"0.32.0",)"
            R"("model_loaded":true,"gpu_memory_usage":0.5,"num_requests_running":2,)"
            R"("num_requests_waiting":3,"age_seconds":0.25},)"
            R"({"name":"two","status":"healthy","models":[],"version":null,)"
            R"("model_loaded":false,"gpu_memory_usage":null,"num_requests_running":null,)"
            R"("num_requests_waiting":null,"age_seconds":null}]})");
}

struct Case {
  std::string_view what;
  std::vector<EndpointHealth> endpoints;
  int status;
  std::string_view beginning;
};

TEST(HealthDocumentTest, SumsUpTheHealthyEndpoints) {
  const EndpointHealth busy = {"a", true, "healthy", kModels, "", &kBusy, 0};
  const EndpointHealth idle = {"b", true, "healthy", kModels, "", &kIdle, 0};
  const EndpointHealth silent = {"c", true, "healthy", {}, "", &kSilent, 0};
  const EndpointHealth unscraped = {"d", true, "healthy", {}, "", nullptr, std::nullopt};
  const EndpointHealth down = {"e", false, "unhealthy", kModels, "", &kBusy, 60};
  const Case cases[] = {
      {"the usage is the mean of those that tell",
       {busy, idle, silent, unscraped},
       200,
       R"({"status":"healthy","model_loaded":true,"gpu_memory_usage":0.375,)"
       R"("num_requests_running":3,"num_requests_waiting":3,)"},
      {"one that is down counts for nothing",
       {idle, down},
       200,
       R"({"status":"degraded","model_loaded":true,"gpu_memory_usage":0.25,)"
       R"("num_requests_running":0,"num_requests_waiting":0,)"},
      {"nobody tells, and no healthy one has a model",
       {silent, down},
       200,
       R"({"status":"degraded","model_loaded":false,"gpu_memory_usage":null,)"
       R"("num_requests_running":1,"num_requests_waiting":0,)"},
      {"all down",
       {down, down},
       503,
       R"({"status":"unhealthy","model_loaded":false,"gpu_memory_usage":null,)"
       R"("num_requests_running":0,"num_requests_waiting":0,)"},
      {"no endpoint",
       {},
       503,
       R"({"status":"unhealthy","model_loaded":false,"gpu_memory_usage":null,)"
       R"("num_requests_running":0,"num_requests_waiting":0,"endpoints":[]})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const HealthDocument document = health_document(c.endpoints);
    EXPECT_EQ(document.status, c.status);
    EXPECT_EQ(document.body.substr(0, c.beginning.size()), c.beginning);
  }
}

TEST(HealthDocumentTest, ShowsTheLastFiguresOfAnEndpointThatIsDown) {
  const EndpointHealth down[] = {{"e", false, "unhealthy", kModels, "", &kBusy, 60}};
  const std::string body = health_document(down).body;
  EXPECT_EQ(body.substr(body.find("\"endpoints\"")),
            R"("endpoints":[{"name":"e","status":"unhealthy","models":["llama","mistral"],)"
            R"("version":null,"model_loaded":false,"gpu_memory_usage":0.5,)"
            R"("num_requests_running":2,"num_requests_waiting":3,"age_seconds":60.0}]})");
}

TEST(HealthDocumentTest, EscapesNames) {
  const std::vector<std::string> models = {"a\"b\n\xFF"};
  const EndpointHealth endpoint[] = {{"\\", true, "healthy", models, "", nullptr, std::nullopt}};
  const std::string body = health_document(endpoint).body;
  EXPECT_NE(
      body.find("{\"name\":\"\\\\\",\"status\":\"healthy\",\"models\":[\"a\\\"b\\n\xEF\xBF\xBD\"]"),
      std::string::npos)
      << body;
}

}  // namespace
}  // namespace olla::vllm
