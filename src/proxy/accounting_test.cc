#include "proxy/accounting.h"

#include <gtest/gtest.h>

#include "test/gateway.h"

namespace olla::proxy {
namespace {

using metrics::Outcome;

struct AccountingTest : testing::Test {
  AccountingTest() {
    vllm::ModelEntry entry;
    entry.id = "Org/Llama";
    gateway.fleet.set_models(EndpointId(0), {entry}, /*now=*/1);
    snapshot = gateway.fleet.snapshot();
  }

  [[nodiscard]] std::string counted(std::string_view model) const {
    log::AccessEntry entry;
    entry.model = model;
    return std::string(counted_model(entry, snapshot->endpoints[0]));
  }
  [[nodiscard]] metrics::RequestRecord record(const log::AccessEntry& entry) const {
    return record_of(entry, *snapshot);
  }
  static log::AccessEntry entry_of(int status, std::optional<EndpointId> endpoint) {
    log::AccessEntry entry;
    entry.status = status;
    entry.endpoint_id = endpoint;
    entry.tries = endpoint ? 1 : 0;
    return entry;
  }

  test::Loop loop;
  test::Gateway gateway{loop, test::config_for({41001, 41002})};
  std::shared_ptr<const fleet::Snapshot> snapshot;
};

TEST_F(AccountingTest, OllaW36OnlyListedModelsHaveANameOfTheirOwn) {
  EXPECT_EQ(counted("Org/Llama"), "Org/Llama");
  EXPECT_EQ(counted("org/LLAMA"), "Org/Llama");
  EXPECT_EQ(counted("junk"), metrics::kUnknownModel);
  EXPECT_EQ(counted(""), "");
  log::AccessEntry entry;
  EXPECT_EQ(counted_model(entry, snapshot->endpoints[0]), "");
  entry.model = "an-alias";
  EXPECT_EQ(counted_model(entry, snapshot->endpoints[1]), metrics::kUnknownModel);
  entry.served_model = "Org/Llama";
  EXPECT_EQ(counted_model(entry, snapshot->endpoints[0]), "Org/Llama");
}

TEST_F(AccountingTest, OllaW35EveryEndHasItsOutcome) {
  const EndpointId first(0);
  log::AccessEntry entry = entry_of(200, first);
  EXPECT_EQ(record(entry).outcome, Outcome::kSuccess);
  entry = entry_of(404, first);  // The endpoint's own.
  EXPECT_EQ(record(entry).outcome, Outcome::kSuccess);
  entry = entry_of(500, first);
  EXPECT_EQ(record(entry).outcome, Outcome::kFailure);
  EXPECT_EQ(record(entry).reason, "endpoint_error");
  entry = entry_of(504, first);
  entry.refusal = "endpoint_timeout";
  EXPECT_EQ(record(entry).outcome, Outcome::kFailure);
  EXPECT_EQ(record(entry).reason, "endpoint_timeout");
  entry = entry_of(200, first);
  entry.ending = log::Ending::kBroken;
  EXPECT_EQ(record(entry).outcome, Outcome::kFailure);
  EXPECT_EQ(record(entry).reason, "answer_broken");
  entry.ending = log::Ending::kLeft;
  EXPECT_EQ(record(entry).outcome, Outcome::kClientLeft);
  entry = entry_of(413, std::nullopt);
  entry.refusal = "request_too_large";
  EXPECT_EQ(record(entry).outcome, Outcome::kRejected);
  EXPECT_EQ(record(entry).reason, "request_too_large");
  entry = entry_of(400, first);
  entry.refusal = "parameter_not_supported";
  EXPECT_EQ(record(entry).outcome, Outcome::kRejected);
  entry = entry_of(503, std::nullopt);
  entry.refusal = "no_healthy_endpoint";
  EXPECT_EQ(record(entry).outcome, Outcome::kFailure);
  EXPECT_FALSE(record(entry).endpoint);
}

TEST_F(AccountingTest, TheNumbersComeAlong) {
  log::AccessEntry entry = entry_of(200, EndpointId(0));
  entry.model = "org/llama";
  entry.client = "10.0.0.1";
  entry.path = "/olla/anthropic/v1/messages";
  entry.tries = 3;
  entry.sticky_tries = 2;
  entry.bytes_in = 12;
  entry.bytes = 34;
  entry.duration_ms = 1500;
  entry.queued_ms = 250;
  entry.event_stream = true;
  entry.fallback = true;
  entry.first_token_ms = 80;
  entry.usage = openai::Usage{5, 6, 2};
  const metrics::RequestRecord request = record(entry);
  EXPECT_EQ(request.model, "Org/Llama");
  EXPECT_EQ(request.client, "10.0.0.1");
  EXPECT_TRUE(request.messages_route);
  EXPECT_TRUE(request.event_stream);
  EXPECT_TRUE(request.fallback);
  EXPECT_EQ(request.tries, 3U);
  EXPECT_EQ(request.sticky_tries, 2U);
  EXPECT_EQ(request.bytes_in, 12U);
  EXPECT_EQ(request.bytes_out, 34U);
  EXPECT_EQ(request.duration, std::chrono::milliseconds(1500));
  EXPECT_EQ(request.queued, std::chrono::milliseconds(250));
  EXPECT_EQ(request.first_token, std::chrono::milliseconds(80));
  EXPECT_EQ(request.tokens->prompt, 5U);
  EXPECT_EQ(request.tokens->completion, 6U);
  EXPECT_EQ(request.tokens->cached, 2U);
}

}  // namespace
}  // namespace olla::proxy
