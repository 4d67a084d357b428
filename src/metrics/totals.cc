#include "metrics/totals.h"

#include <algorithm>
#include <cmath>

namespace olla::metrics {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::int64_t milliseconds(std::uint64_t microseconds) {
  return static_cast<std::int64_t>((microseconds + 500) / 1000);
}

/// The smaller of two of which 0 says that there is none.
std::uint64_t least(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

Tally tally_of(const Cell& cell) {
  Tally tally;
  tally.failures = cell.failures.value();
  tally.clients_left = cell.clients_left.value();
  tally.requests = cell.successes.value() + tally.failures + tally.clients_left;
  tally.failed_tries = cell.failed_tries.value();
  for (std::size_t i = 0; i < tally.by_status.size(); ++i)
    tally.by_status[i] = cell.by_status[i].value();
  tally.first_tries = cell.first_tries.value();
  tally.later_tries = cell.later_tries.value();
  tally.fallbacks = cell.fallbacks.value();
  tally.bytes_in = cell.bytes_in.value();
  tally.bytes_out = cell.bytes_out.value();
  tally.prompt_tokens = cell.prompt_tokens.value();
  tally.completion_tokens = cell.completion_tokens.value();
  tally.cached_tokens = cell.cached_tokens.value();
  tally.latency_microseconds = cell.latency_microseconds.value();
  tally.latency_microseconds_min = cell.latency_microseconds_min.value();
  tally.latency_microseconds_max = cell.latency_microseconds_max.value();
  const std::uint64_t last = cell.last_requested.value();
  if (last != 0) tally.last_requested = TimePoint(Duration(static_cast<Duration::rep>(last)));
  cell.clients.merge_into(tally.clients);
  tally.duration.add(cell.duration);
  tally.first_token.add(cell.first_token);
  tally.inter_token.add(cell.inter_token);
  return tally;
}

}  // namespace

void Tally::add(const Tally& other) {
  requests += other.requests;
  failures += other.failures;
  clients_left += other.clients_left;
  failed_tries += other.failed_tries;
  for (std::size_t i = 0; i < by_status.size(); ++i)
    by_status[i] += other.by_status[i];
  first_tries += other.first_tries;
  later_tries += other.later_tries;
  fallbacks += other.fallbacks;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  prompt_tokens += other.prompt_tokens;
  completion_tokens += other.completion_tokens;
  cached_tokens += other.cached_tokens;
  latency_microseconds += other.latency_microseconds;
  latency_microseconds_min = least(latency_microseconds_min, other.latency_microseconds_min);
  latency_microseconds_max = std::max(latency_microseconds_max, other.latency_microseconds_max);
  failures_in_a_row += other.failures_in_a_row;
  last_requested = std::max(last_requested, other.last_requested);
  for (std::size_t i = 0; i < clients.size(); ++i)
    clients[i] = std::max(clients[i], other.clients[i]);
  duration.add(other.duration);
  first_token.add(other.first_token);
  inter_token.add(other.inter_token);
}

double Tally::success_percent() const {
  return percent(successes(), requests - clients_left);
}

std::int64_t Tally::latency_ms() const {
  const std::uint64_t count = duration.count();
  return count == 0 ? 0 : milliseconds(latency_microseconds / count);
}

std::int64_t Tally::latency_ms_min() const {
  return milliseconds(latency_microseconds_min);
}

std::int64_t Tally::latency_ms_max() const {
  return milliseconds(latency_microseconds_max);
}

std::int64_t Tally::latency_ms_quantile(double quantile) const {
  const double seconds = duration.quantile(quantile);
  // Beyond the last bound all that is known is the most that was seen.
  if (!duration.counts.empty() && seconds >= duration.bounds.back()) return latency_ms_max();
  return std::clamp<std::int64_t>(std::llround(seconds * 1000), latency_ms_min(), latency_ms_max());
}

std::uint64_t Totals::rejections() const {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : rejected)
    sum += count;
  return sum;
}

double Totals::success_percent() const {
  const std::uint64_t stayed = requests - clients_left;
  return percent(stayed - failures, stayed);
}

Tally Totals::all() const {
  Tally sum;
  for (const PairTally& pair : pairs)
    sum.add(pair.tally);
  return sum;
}

std::vector<Tally> Totals::by_endpoint(std::size_t endpoints) const {
  std::vector<Tally> tallies(endpoints);
  for (const PairTally& pair : pairs)
    tallies.at(pair.endpoint.value()).add(pair.tally);
  return tallies;
}

std::map<std::string, std::vector<const PairTally*>> Totals::pairs_by_model() const {
  std::map<std::string, std::vector<const PairTally*>> models;
  std::map<std::string, std::string> spellings;
  for (const PairTally& pair : pairs) {
    if (pair.model.empty() || pair.tally.requests == 0) continue;
    const std::string& spelling =
        spellings.emplace(lower_case(pair.model), pair.model).first->second;
    models[spelling].push_back(&pair);
  }
  return models;
}

std::map<std::string, Tally> Totals::by_model() const {
  std::map<std::string, Tally> tallies;
  for (const auto& [model, of_model] : pairs_by_model()) {
    for (const PairTally* pair : of_model)
      tallies[model].add(pair->tally);
  }
  return tallies;
}

void Adder::add(const Recorder& recorder) {
  const auto count_into = [](auto& words) {
    return
        [&words](std::string_view word, std::uint64_t count) { words[std::string(word)] += count; };
  };
  // First: see Recorder::record.
  const std::uint64_t failures = recorder.outcomes(Outcome::kFailure);
  const std::uint64_t clients_left = recorder.outcomes(Outcome::kClientLeft);
  totals_.failures += failures;
  totals_.clients_left += clients_left;
  totals_.requests += failures + clients_left + recorder.outcomes(Outcome::kSuccess) +
                      recorder.outcomes(Outcome::kRejected);
  for (const Cell* cell = recorder.cells(); cell != nullptr; cell = cell->next) {
    Pair& pair = pairs_[{cell->endpoint, lower_case(cell->model)}];
    if (pair.model.empty()) pair.model = cell->model;
    pair.last_success = std::max(pair.last_success, cell->last_success.value());
    pair.runs.emplace_back(cell->last_failure.value(), cell->failures_in_a_row.value());
    pair.tally.add(tally_of(*cell));
  }
  recorder.rejected().each(count_into(totals_.rejected));
  recorder.failed().each(count_into(totals_.failed));
  totals_.retries += recorder.retries();
  totals_.tries += recorder.tries();
  totals_.sticky_tries += recorder.sticky_tries();
  totals_.queued += recorder.queued();
  totals_.queued_seconds += static_cast<double>(recorder.queued_microseconds()) / 1e6;
  totals_.bytes_in += recorder.bytes_in();
  totals_.bytes_out += recorder.bytes_out();
  const MessagesCounters& messages = recorder.messages();
  totals_.messages.successes += messages.successes.value();
  totals_.messages.passed_through += messages.passed_through.value();
  totals_.messages.streams += messages.streams.value();
  totals_.messages.without_endpoint += messages.without_endpoint.value();
  totals_.messages.latency_microseconds += messages.latency_microseconds.value();
  totals_.messages.requests += messages.requests.value();
}

Totals Adder::totals() {
  for (auto& [key, pair] : pairs_) {
    // A run of failures on one thread is over when another thread had a success since.
    for (const auto& [last_failure, failures] : pair.runs) {
      if (last_failure >= pair.last_success) pair.tally.failures_in_a_row += failures;
    }
    totals_.pairs.push_back({key.first, std::move(pair.model), std::move(pair.tally)});
  }
  pairs_.clear();
  // One request may have been half counted when it was read.
  totals_.tries = std::max(totals_.tries, totals_.retries);
  totals_.sticky_tries = std::min(totals_.sticky_tries, totals_.tries);
  return std::move(totals_);
}

}  // namespace olla::metrics
