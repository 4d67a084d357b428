#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "admin/picture_fixture.h"
#include "admin/process_document.h"
#include "admin/stats_documents.h"
#include "admin/status_documents.h"
#include "admin/version_document.h"

namespace olla::admin {
namespace {

/// What Olla's document of that path holds: types in place of values, and only what is always
/// there.
Json olla_document(const std::string& path) {
  std::ifstream file(OLLA_SOURCE_DIR "/src/admin/testdata/olla_documents.json");
  return Json::parse(file).at(path);
}

/// Fails for each part of `wanted` that `got` does not have, or has as something else. More is
/// allowed.
void expect_parts(const Json& wanted, const Json& got, const std::string& where) {
  if (wanted.is_object()) {
    ASSERT_TRUE(got.is_object()) << where;
    for (const auto& [key, value] : wanted.items()) {
      ASSERT_TRUE(got.contains(key)) << where << "." << key << " is missing";
      expect_parts(value, got.at(key), where + "." + key);
    }
  } else if (wanted.is_array()) {
    ASSERT_TRUE(got.is_array()) << where;
    for (const Json& element : got) {
      if (!wanted.empty()) expect_parts(wanted.at(0), element, where + "[]");
    }
  } else if (wanted == "number") {
    EXPECT_TRUE(got.is_number()) << where;
  } else if (wanted == "boolean") {
    EXPECT_TRUE(got.is_boolean()) << where;
  } else {
    EXPECT_TRUE(got.is_string()) << where;
  }
}

struct DocumentsTest : PictureTest {
  /// One endpoint of the status document.
  [[nodiscard]] Json status_of(std::size_t index) const {
    return status_document(picture()).at("endpoints").at(index);
  }
};

TEST_F(DocumentsTest, HaveAllKeysOfOllas) {
  for (std::uint32_t i = 0; i < 3; ++i)
    answered(i);
  metrics::RequestRecord messages;
  messages.messages_route = true;
  messages.status = 200;
  messages.endpoint = EndpointId(0);
  recorder.record(messages, now);
  const Picture view = picture();
  expect_parts(olla_document("/version"), version_document(), "version");
  expect_parts(olla_document("/internal/status"), status_document(view), "status");
  expect_parts(olla_document("/internal/status/endpoints"), endpoints_document(view), "endpoints");
  expect_parts(olla_document("/internal/stats/models"), model_stats_document(view), "models");
  expect_parts(olla_document("/internal/stats/translators"), translator_stats_document(view),
               "translators");
  expect_parts(olla_document("/internal/process"),
               process_document(present_figures(), {now, wall}, {start, wall}, 2), "process");
}

TEST_F(DocumentsTest, TheStatusOfAnIdleSystem) {
  const Json document = status_document(picture());
  EXPECT_EQ(document["timestamp"], "2026-11-23T01:55:23Z");
  EXPECT_EQ(document["proxy"]["balancer"], "least-connections");
  const Json& system = document["system"];
  EXPECT_EQ(system["status"], "healthy");
  EXPECT_EQ(system["endpoints_up"], "3/3");
  EXPECT_EQ(system["success_rate"], "N/A");
  EXPECT_EQ(system["uptime"], "42s");
  EXPECT_EQ(system["start_time"], "2026-11-23T01:54:41Z");
  EXPECT_EQ(system["has_traffic"], false);
  const Json& endpoint = document["endpoints"][0];
  EXPECT_EQ(endpoint["id"], "cxhv8w");
  EXPECT_EQ(endpoint["success_rate"], "0%");
  EXPECT_EQ(endpoint["last_check"], "12s ago");
  EXPECT_EQ(endpoint["next_check"], "in 4s");
  EXPECT_EQ(endpoint["health_check_at"], "2026-11-23T01:55:11Z");
  EXPECT_EQ(endpoint["issues"], "");
  EXPECT_EQ(endpoint["models"]["last_updated"], "2026-11-23T01:54:41Z");
  EXPECT_EQ(endpoint["breaker"], "closed");
  EXPECT_FALSE(endpoint.contains("avg_latency_ms"));
  EXPECT_EQ(endpoints_document(picture())["endpoints"][0]["success_rate"], "N/A");
}

TEST_F(DocumentsTest, OllaW33OneRequestIsOneRequestEverywhere) {
  answered(0);
  const Picture view = picture();
  const Json status = status_document(view);
  EXPECT_EQ(status["system"]["total_requests"], 1);
  EXPECT_EQ(status["system"]["total_traffic"], "1.00 KB");
  EXPECT_EQ(status["endpoints"][0]["requests"], 1);
  EXPECT_EQ(status["endpoints"][0]["traffic"], "1.00 KB");
  EXPECT_EQ(status["endpoints"][0]["avg_latency"], "1.2s");
  EXPECT_EQ(status["endpoints"][0]["avg_latency_ms"], 1202);
  EXPECT_EQ(endpoints_document(view)["endpoints"][0]["request_count"], 1);
  EXPECT_EQ(model_stats_document(view)["summary"]["total_requests"], 1);
}

TEST_F(DocumentsTest, OllaW34ModelsAreBrokenDownByEndpoint) {
  answered(0);
  answered(1);
  answered(1, 500);
  answered(2, 200, "_unknown");
  const Json document = model_stats_document(picture());
  ASSERT_EQ(document["models"].size(), 2U);
  const Json& model = document["models"][0];
  EXPECT_EQ(model["name"], "Org/Llama");
  EXPECT_EQ(model["total_requests"], 3);
  EXPECT_EQ(model["failed_requests"], 1);
  EXPECT_EQ(model["success_rate"], "66.7%");
  EXPECT_EQ(model["unique_clients"], 1);
  EXPECT_EQ(model["routing_hits"], 3);
  EXPECT_EQ(model["last_requested"], "37s ago");
  EXPECT_EQ(model["p95_latency"], "1.2s");
  EXPECT_EQ(model["completion_tokens"], 33);
  EXPECT_EQ(model["endpoint_breakdown"]["b"]["total_requests"], 2);
  EXPECT_EQ(model["endpoint_breakdown"]["b"]["consecutive_errors"], 1);
  EXPECT_EQ(document["endpoints"]["a"]["Org/Llama"]["total_requests"], 1);
  EXPECT_EQ(document["endpoints"]["c"]["_unknown"]["total_requests"], 1);
  EXPECT_EQ(document["summary"]["most_popular_model"], "Org/Llama");
  EXPECT_EQ(document["summary"]["least_popular_model"], "_unknown");
  EXPECT_EQ(document["summary"]["active_models"], 2);
}

TEST_F(DocumentsTest, OllaW35RejectionsAreInTheTotals) {
  answered(0);
  rejected(404, "model_not_found");
  rejected(429, "rate_limited");
  rejected(503, "no_healthy_endpoint");
  const Json system = status_document(picture())["system"];
  EXPECT_EQ(system["total_requests"], 4);
  EXPECT_EQ(system["total_failures"], 1);
  EXPECT_EQ(system["success_rate"], "75.0%");
  EXPECT_EQ(system["rejected"]["rate_limited"], 1);
}

TEST_F(DocumentsTest, AnEndpointThatIsOutIsUnavailable) {
  fleet->set_health(EndpointId(1), fleet::Health::kUnhealthy, now);
  const Picture view = picture();
  const Json status = status_document(view);
  EXPECT_EQ(status["endpoints"][1]["issues"], "unavailable");
  EXPECT_EQ(status["system"]["endpoints_up"], "2/3");
  EXPECT_EQ(status["system"]["status"], "degraded");
  const Json list = endpoints_document(view);
  EXPECT_EQ(list["endpoints"][1]["issues"], "unavailable");
  EXPECT_FALSE(list["endpoints"][0].contains("issues"));
  EXPECT_EQ(list["total_count"], 3);
  EXPECT_EQ(list["healthy_count"], 2);
}

TEST_F(DocumentsTest, OllaW36AnOpenBreakerIsSeen) {
  fleet::Live& live = *fleet->view(EndpointId(1)).live;
  for (int i = 0; i < 5; ++i) {
    fleet::Booking booking(live);
    booking.note_failure(now);
  }
  const Picture view = picture();
  EXPECT_EQ(view.routable, 2U);
  EXPECT_EQ(status_of(1)["breaker"], "open");
  EXPECT_EQ(status_of(1)["issues"], "consecutive failures");
  EXPECT_EQ(endpoints_document(view)["endpoints"][1]["issues"], "unstable");
  EXPECT_EQ(endpoints_document(view)["routable_count"], 2);
}

TEST_F(DocumentsTest, FewSuccessesAreAnIssue) {
  answered(0, 500);
  answered(0);
  EXPECT_EQ(status_of(0)["issues"], "low success rate");
  EXPECT_EQ(status_document(picture())["system"]["status"], "critical");
}

TEST_F(DocumentsTest, EndpointsAreSortedByPriorityThenHealthThenName) {
  std::vector<std::string> names;
  const Json document = status_document(picture());
  for (const Json& endpoint : document["endpoints"])
    names.push_back(endpoint["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(DocumentsTest, ManyRefusalsAreAnElevatedState) {
  refusals.rate = 60;
  refusals.size = 40;
  EXPECT_EQ(status_document(picture())["security"]["status"], "normal");
  refusals.size = 41;
  const Json document = status_document(picture());
  EXPECT_EQ(document["security"]["status"], "elevated");
  EXPECT_EQ(document["security"]["violations"]["rate_limits"], 60);
  EXPECT_EQ(document["system"]["security_violations"], 101);
  refusals = {.clients = 11};
  EXPECT_EQ(status_document(picture())["security"]["status"], "elevated");
}

TEST_F(DocumentsTest, TheSystemIsJudgedByEndpointsAndSuccess) {
  EXPECT_EQ(picture().status(), SystemStatus::kHealthy);
  for (int i = 0; i < 93; ++i)
    answered(0);
  for (int i = 0; i < 7; ++i)
    answered(0, 500);
  EXPECT_EQ(picture().status(), SystemStatus::kDegraded);
  fleet->set_health(EndpointId(0), fleet::Health::kUnhealthy, now);
  fleet->set_health(EndpointId(1), fleet::Health::kUnhealthy, now);
  EXPECT_EQ(picture().status(), SystemStatus::kCritical);
  Picture none = picture();
  none.endpoints.clear();
  EXPECT_EQ(none.status(), SystemStatus::kCritical);
}

TEST_F(DocumentsTest, TheMessagesRouteIsTheTranslator) {
  EXPECT_EQ(translator_stats_document(picture())["translators"], Json::array());
  metrics::RequestRecord request;
  request.messages_route = true;
  request.status = 200;
  request.endpoint = EndpointId(0);
  request.duration = std::chrono::milliseconds(37);
  recorder.record(request, now);
  request.status = 400;
  recorder.record(request, now);
  const Json document = translator_stats_document(picture());
  const Json& translator = document["translators"][0];
  EXPECT_EQ(translator["translator_name"], "anthropic");
  EXPECT_EQ(translator["success_rate"], "50.0%");
  EXPECT_EQ(translator["passthrough_rate"], "100%");
  EXPECT_EQ(translator["average_latency"], "37ms");
  EXPECT_EQ(translator["non_streaming_requests"], 2);
  EXPECT_EQ(document["summary"]["total_passthrough"], 2);
}

TEST_F(DocumentsTest, TheProcessIsReadFromTheSystem) {
  ProcessFigures figures;
  read_status("Name:\tx VmRSS: 1\nVmHWM:\t    2048 kB\nVmRSS:\t  1024 kB\nThreads:\t7\n", figures);
  EXPECT_EQ(figures.resident, 1024U * 1024);
  EXPECT_EQ(figures.resident_peak, 2048U * 1024);
  EXPECT_EQ(figures.threads, 7U);
  EXPECT_EQ(figures.stack, 0U);
  figures.memory = 3U << 20;
  const Json document = process_document(figures, {now, wall}, {start, wall}, 2);
  EXPECT_EQ(document["memory"]["memory_pressure"], "MEDIUM");
  EXPECT_EQ(document["goroutines"]["count"], 7);
  EXPECT_EQ(document["runtime"]["uptime"], "42s");
  EXPECT_GT(present_figures().resident, 0U);
}

}  // namespace
}  // namespace olla::admin
