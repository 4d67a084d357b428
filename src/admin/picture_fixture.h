#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "admin/picture.h"
#include "fleet/snapshot.h"
#include "metrics/registry.h"

namespace olla::admin {

/// A fleet of three endpoints, "a", "b" and "c", at a time that the test decides.
struct PictureTest : testing::Test {
  PictureTest() {
    for (const std::string name : {"a", "b", "c"}) {
      config::Endpoint endpoint;
      endpoint.name = name;
      endpoint.type = "vllm";
      endpoint.priority = 100 - static_cast<int>(config.endpoints.size()) * 10;
      endpoint.url = "http://127.0.0.1:4100" + std::to_string(config.endpoints.size() + 1);
      config.endpoints.push_back(std::move(endpoint));
    }
    fleet = std::make_unique<fleet::Fleet>(config.endpoints);
    for (std::uint32_t i = 0; i < 3; ++i) {
      fleet->set_health(EndpointId(i), fleet::Health::kHealthy, start);
      vllm::ModelEntry model;
      model.id = "Org/Llama";
      fleet->set_models(EndpointId(i), {model}, 1);
      fleet->note_models_read(EndpointId(i), start);
      fleet::CheckReport checks;
      checks.last = fleet::Verdict::kPassed;
      checks.latency = std::chrono::milliseconds(2);
      checks.checked_at = wall - std::chrono::seconds(12);
      checks.next_at = wall + std::chrono::milliseconds(4941);
      fleet->set_checks(EndpointId(i), checks);
    }
  }

  [[nodiscard]] Picture picture() const {
    Scene scene;
    scene.config = &config;
    scene.snapshot = fleet->snapshot();
    scene.totals = registry.totals();
    scene.now = {now, wall};
    scene.started = {start, wall - std::chrono::seconds(42)};
    scene.refusals = refusals;
    return take_picture(std::move(scene));
  }

  /// Counts a request that the endpoint answered.
  void answered(std::uint32_t endpoint, int status = 200, std::string_view model = "Org/Llama") {
    metrics::RequestRecord request;
    request.outcome = status < 500 ? metrics::Outcome::kSuccess : metrics::Outcome::kFailure;
    request.reason = "endpoint_error";
    request.status = status;
    request.endpoint = EndpointId(endpoint);
    request.model = model;
    request.client = "10.0.0.1";
    request.tries = 1;
    request.bytes_in = 24;
    request.bytes_out = 1000;
    request.duration = std::chrono::milliseconds(1202);
    request.event_stream = true;
    request.first_token = std::chrono::milliseconds(40);
    request.tokens = metrics::Tokens{7, 11, 3};
    recorder.record(request, now - std::chrono::seconds(37));
    recorder.gaps(EndpointId(endpoint), model).observe(std::chrono::milliseconds(12));
  }

  void rejected(int status, std::string_view reason) {
    metrics::RequestRecord request;
    request.outcome = status < 500 ? metrics::Outcome::kRejected : metrics::Outcome::kFailure;
    request.status = status;
    request.reason = reason;
    recorder.record(request, now);
  }

  config::Config config;
  std::unique_ptr<fleet::Fleet> fleet;
  metrics::Registry registry;
  metrics::Recorder& recorder = registry.add_recorder();
  const TimePoint start = TimePoint() + std::chrono::hours(1);
  TimePoint now = start + std::chrono::seconds(42);
  const WallTime wall{std::chrono::seconds(1'795'398'923)};
  Refusals refusals;
};

}  // namespace olla::admin
