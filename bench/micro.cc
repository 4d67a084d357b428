// Micro-benchmarks of what a request passes through, each alone and on one thread.
//
//   scripts/build bench bench_micro && build/bench/bench/bench_micro
#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/event_text.h"
#include "bench/request_text.h"
#include "fleet/snapshot.h"
#include "http/body.h"
#include "http/forward.h"
#include "http/head.h"
#include "log/line.h"
#include "openai/request.h"
#include "openai/usage.h"
#include "routing/pick.h"
#include "sse/tail.h"
#include "vllm/error_event.h"
#include "vllm/metrics_text.h"
#include "vllm/translate.h"

namespace olla::bench {
namespace {

constexpr std::size_t kFieldsMax = 300;

/// Head and body of a request whose body has about that many bytes.
struct Request {
  explicit Request(std::int64_t body_bytes)
      : text(request_text({.port = 40114, .body_bytes = static_cast<std::size_t>(body_bytes)})),
        head(text.substr(0, text.find("\r\n\r\n") + 4)),
        body(text.substr(head.size())) {}
  std::string text;
  std::string head;
  std::string body;
};

void parse_request_head(benchmark::State& state) {
  const Request request(500);
  http::RequestHead head;
  for (auto step : state) {
    http::HeadScanner scanner(std::size_t{1} << 20);
    benchmark::DoNotOptimize(scanner.scan(request.head));
    benchmark::DoNotOptimize(http::parse_request_head(request.head, kFieldsMax, head));
  }
}
BENCHMARK(parse_request_head);

void make_request_head(benchmark::State& state) {
  const Request request(500);
  http::RequestHead head;
  benchmark::DoNotOptimize(http::parse_request_head(request.head, kFieldsMax, head));
  http::RequestForwarding forwarding;
  forwarding.target = "/v1/chat/completions";
  forwarding.authority = "127.0.0.1:8000";
  forwarding.client_address = forwarding.real_ip = "127.0.0.1";
  forwarding.request_id = "0123456789abcdef0123456789abcdef";
  forwarding.framing = http::Framing::kLength;
  std::string out;
  for (auto step : state) {
    out.clear();
    http::append_request_head(head, forwarding, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(make_request_head);

void inspect_request(benchmark::State& state) {
  const Request request(state.range(0));
  for (auto step : state)
    benchmark::DoNotOptimize(openai::inspect_request(request.body));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(inspect_request)->Arg(500)->Arg(70'000)->Arg(1'000'000);

void translate_request(benchmark::State& state) {
  const Request request(state.range(0));
  for (auto step : state) {
    benchmark::DoNotOptimize(
        vllm::translate("/v1/chat/completions", request.body, vllm::kNewestVersion));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(translate_request)->Arg(500)->Arg(70'000)->Arg(1'000'000);

/// All that a relay does with an event but to read and write it.
void follow_event(benchmark::State& state) {
  EventText text;
  const std::string_view event = text.at(1);
  http::BodyScanner scanner(http::Framing::kChunked, 0);
  openai::UsageScanner usage;
  sse::EventTail tail;
  vllm::ErrorEventScanner errors;
  for (auto step : state) {
    std::string_view rest = event;
    while (!rest.empty()) {
      const auto next = scanner.next(rest);
      rest.remove_prefix(next.consumed);
      usage.feed(next.payload);
      tail.feed(next.payload);
      errors.feed(next.payload);
    }
  }
}
BENCHMARK(follow_event);

/// A fleet of healthy vLLM endpoints. Each lists `models_each` models of its own, one that a dozen
/// others list too, and one that all list.
std::unique_ptr<fleet::Fleet> make_fleet(std::uint32_t endpoints, int models_each) {
  std::vector<config::Endpoint> configured(endpoints);
  for (std::uint32_t i = 0; i < endpoints; ++i) {
    configured[i].name = "gpu-" + std::to_string(i);
    configured[i].type = "vllm";
  }
  auto fleet = std::make_unique<fleet::Fleet>(std::move(configured));
  for (std::uint32_t i = 0; i < endpoints; ++i) {
    const EndpointId id(i);
    std::vector<vllm::ModelEntry> entries;
    for (int n = 0; n < models_each; ++n) {
      entries.push_back({.id = "organisation/model-" + std::to_string(i) + "-" + std::to_string(n) +
                               "-instruct"});
    }
    entries.push_back({.id = "shared-" + std::to_string(i % 85)});
    entries.push_back({.id = "everywhere"});
    fleet->set_models(id, std::move(entries), 0);
    fleet->set_health(id, fleet::Health::kHealthy);
    fleet->set_addresses(id, {fleet::Address{}});
  }
  return fleet;
}

// 1,024 endpoints with 10,326 models, as many as the limits of the config allow endpoints.
constexpr std::uint32_t kEndpoints = 1024;
constexpr int kModelsEach = 10;

void pick(benchmark::State& state, std::string_view model) {
  const auto fleet = make_fleet(kEndpoints, kModelsEach);
  const auto snapshot = fleet->snapshot();
  routing::PickRequest request;
  request.provider = routing::Provider::of(*fleet->profiles().of_type("vllm"));
  request.model = model;
  request.route = "/v1/chat/completions";
  for (auto step : state) {
    ++request.draw.turn;
    benchmark::DoNotOptimize(routing::pick(*snapshot, request));
  }
}
BENCHMARK_CAPTURE(pick, of_1_endpoint, "organisation/model-700-3-instruct");
BENCHMARK_CAPTURE(pick, of_12_endpoints, "shared-40");
BENCHMARK_CAPTURE(pick, of_1024_endpoints, "everywhere");
BENCHMARK_CAPTURE(pick, unknown_model, "nobody-has-this");

void index_models(benchmark::State& state) {
  const auto fleet = make_fleet(kEndpoints, kModelsEach);
  const auto snapshot = fleet->snapshot();
  for (auto step : state) {
    std::vector<std::shared_ptr<const fleet::Listing>> listings;
    for (const fleet::EndpointView& view : snapshot->endpoints)
      listings.push_back(view.models);
    benchmark::DoNotOptimize(fleet::ModelIndex(std::move(listings)));
  }
}
BENCHMARK(index_models)->Unit(benchmark::kMicrosecond);

void parse_metrics(benchmark::State& state) {
  std::ifstream file(OLLA_METRICS_FILE);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (auto step : state)
    benchmark::DoNotOptimize(vllm::parse_metrics(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_metrics);

void make_log_line(benchmark::State& state) {
  using log::Field;
  const std::vector<Field> fields = {
      Field{"request_id", std::string_view("0123456789abcdef0123456789abcdef")},
      Field{"client", std::string_view("127.0.0.1")},
      Field{"method", std::string_view("POST")},
      Field{"path", std::string_view("/olla/vllm/v1/chat/completions")},
      Field{"model", std::string_view("bench-model")},
      Field{"endpoint", std::string_view("gpu-1")},
      Field{"status", std::int64_t{200}},
      Field{"bytes", std::int64_t{1250}},
      Field{"ttfb_ms", 12.345},
      Field{"duration_ms", 250.5},
      Field{"prompt_tokens", std::int64_t{36}},
      Field{"completion_tokens", std::int64_t{25}},
  };
  std::string line;
  for (auto step : state) {
    line.clear();
    log::append_line(config::LogFormat::kJson, std::chrono::system_clock::now(),
                     config::LogLevel::kInfo, "request", fields, line);
    benchmark::DoNotOptimize(line.data());
  }
}
BENCHMARK(make_log_line);

}  // namespace
}  // namespace olla::bench

BENCHMARK_MAIN();
