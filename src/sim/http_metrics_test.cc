#include "sim/http_metrics.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

std::string text(const HttpMetrics& metrics) {
  std::string out;
  metrics.write(out);
  return out;
}

bool has(const HttpMetrics& metrics, const std::string& line) {
  return ("\n" + text(metrics)).find("\n" + line + "\n") != std::string::npos;
}

TEST(HttpMetricsTest, ShowsNoSeriesBeforeTheFirstRequest) {
  const HttpMetrics metrics(5);
  EXPECT_NE(text(metrics).find("# TYPE http_requests_total counter\n"), std::string::npos);
  EXPECT_EQ(text(metrics).find("http_requests_created"), std::string::npos);
  EXPECT_TRUE(has(metrics, "http_request_duration_highr_seconds_count 0.0"));
  EXPECT_TRUE(has(metrics, "http_request_duration_highr_seconds_created 5.0"));
}

TEST(HttpMetricsTest, CountsByHandlerMethodAndStatus) {
  HttpMetrics metrics(5);
  metrics.add({"/v1/chat/completions", "POST", 200, 90, 700, 0.2, 7});
  metrics.add({"/v1/chat/completions", "POST", 404, 10, 100, 0.05, 8});
  metrics.add({"none", "PUT", 405, 0, 31, 0.001, 9});
  EXPECT_TRUE(has(metrics, R"(http_requests_total{handler="/v1/chat/completions",)"
                           R"(method="POST",status="2xx"} 1.0)"));
  EXPECT_TRUE(has(metrics, R"(http_requests_total{handler="none",method="PUT",status="4xx"} 1.0)"));
  EXPECT_TRUE(has(metrics, R"(http_requests_created{handler="/v1/chat/completions",)"
                           R"(method="POST",status="4xx"} 8.0)"));
  EXPECT_TRUE(has(metrics, R"(http_request_size_bytes_count{handler="/v1/chat/completions"} 2.0)"));
  EXPECT_TRUE(has(metrics, R"(http_request_size_bytes_sum{handler="/v1/chat/completions"} 100.0)"));
  EXPECT_TRUE(has(metrics, R"(http_response_size_bytes_sum{handler="none"} 31.0)"));
  EXPECT_TRUE(has(metrics, R"(http_request_duration_seconds_bucket{)"
                           R"(handler="/v1/chat/completions",le="0.1",method="POST"} 1.0)"));
  EXPECT_TRUE(has(metrics, R"(http_request_duration_seconds_count{)"
                           R"(handler="/v1/chat/completions",method="POST"} 2.0)"));
  EXPECT_TRUE(has(metrics, R"(http_request_duration_highr_seconds_bucket{le="0.05"} 2.0)"));
  EXPECT_TRUE(has(metrics, R"(http_request_duration_highr_seconds_bucket{le="+Inf"} 3.0)"));
}

TEST(HttpMetricsTest, LeavesOutWhatVllmLeavesOut) {
  HttpMetrics metrics(5);
  for (const char* path : {"/metrics", "/health", "/load", "/ping", "/version", "/sim/faults"}) {
    metrics.add({path, "GET", 200, 0, 0, 0.1, 7});
  }
  EXPECT_TRUE(has(metrics, "http_request_duration_highr_seconds_count 0.0"));
}

}  // namespace
}  // namespace olla::sim
