#include "metrics/recorder.h"

#include <algorithm>
#include <utility>

namespace olla::metrics {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::uint64_t microseconds(Duration duration) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

void note_latency(Cell& cell, Duration duration) {
  // 0 says that there is none yet.
  const std::uint64_t latency = std::max<std::uint64_t>(1, microseconds(duration));
  cell.latency_microseconds.add(latency);
  const std::uint64_t least = cell.latency_microseconds_min.value();
  cell.latency_microseconds_min.set(least == 0 ? latency : std::min(least, latency));
  cell.latency_microseconds_max.set(std::max(cell.latency_microseconds_max.value(), latency));
}

}  // namespace

void WordCounters::add(std::string_view word) {
  const std::size_t size = size_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < size; ++i) {
    if (words_[i] == word) return counts_[i].add();
  }
  // The last place is for all that have none.
  if (size == kMax) return counts_.back().add();
  words_[size] = size + 1 == kMax ? "other" : word;
  counts_[size].add();
  size_.store(size + 1, std::memory_order_release);
}

std::size_t Recorder::Hash::operator()(const Key& key) const {
  std::uint64_t hash = 14695981039346656037ULL ^ key.endpoint.value();  // FNV-1a, 64 bit.
  for (const char c : key.model) {
    hash ^= static_cast<unsigned char>(lower(c));
    hash *= 1099511628211ULL;
  }
  return hash;
}

bool Recorder::Equal::operator()(const Key& one, const Key& other) const {
  return one.endpoint == other.endpoint &&
         std::equal(one.model.begin(), one.model.end(), other.model.begin(), other.model.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

Recorder::~Recorder() {
  for (Cell* cell = first_.load(std::memory_order_relaxed); cell != nullptr;)
    delete std::exchange(cell, cell->next);
}

Cell& Recorder::cell(EndpointId endpoint, std::string_view model) {
  const auto found = index_.find(Key{endpoint, model});
  if (found != index_.end()) return *found->second;
  const bool named = !model.empty() && model != kUnknownModel;
  if (named && named_ >= kCellsMax) return cell(endpoint, kUnknownModel);
  if (named) ++named_;
  auto made = std::make_unique<Cell>(endpoint, std::string(model));
  made->next = first_.load(std::memory_order_relaxed);
  index_.emplace(Key{endpoint, made->model}, made.get());
  first_.store(made.get(), std::memory_order_release);
  return *made.release();
}

void Recorder::note_failed_try(EndpointId endpoint, std::string_view model) {
  cell(endpoint, model).failed_tries.add();
}

void Recorder::record(const RequestRecord& request, TimePoint now) {
  bytes_in_.add(request.bytes_in);
  bytes_out_.add(request.bytes_out);
  tries_.add(request.tries);
  sticky_tries_.add(request.sticky_tries);
  if (request.tries > 1) retries_.add(request.tries - 1);
  if (request.queued) {
    queued_.add();
    queued_microseconds_.add(microseconds(*request.queued));
  }
  if (request.outcome == Outcome::kFailure) failed_.add(request.reason);
  const bool asked = request.endpoint && request.outcome != Outcome::kRejected;
  // What never came to an endpoint was refused, be it the client's fault or nobody's.
  if (!asked && request.outcome != Outcome::kClientLeft) rejected_.add(request.reason);
  if (asked) record_on_endpoint(request, now);
  if (request.messages_route) record_messages(request);
  std::atomic<std::uint64_t>& outcomes = outcomes_[static_cast<std::size_t>(request.outcome)];
  outcomes.store(outcomes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void Recorder::record_on_endpoint(const RequestRecord& request, TimePoint now) {
  Cell& cell = this->cell(*request.endpoint, request.model);
  cell.bytes_in.add(request.bytes_in);
  cell.bytes_out.add(request.bytes_out);
  const auto ticks = static_cast<std::uint64_t>(now.time_since_epoch().count());
  cell.last_requested.set(ticks);
  const auto first_digit = static_cast<std::size_t>(request.status / 100);
  // 499 stands for a client that left before an answer began.
  const bool answered = request.status != 499 && first_digit < cell.by_status.size();
  cell.by_status.at(answered ? first_digit : 0).add();
  (request.tries > 1 ? cell.later_tries : cell.first_tries).add();
  if (request.fallback) cell.fallbacks.add();
  if (!request.client.empty()) cell.clients.add(request.client);
  if (request.tokens) {
    cell.prompt_tokens.add(request.tokens->prompt);
    cell.completion_tokens.add(request.tokens->completion);
    cell.cached_tokens.add(request.tokens->cached);
  }
  if (request.first_token) cell.first_token.observe(*request.first_token);
  switch (request.outcome) {
    case Outcome::kSuccess:
      cell.successes.add();
      cell.failures_in_a_row.set(0);
      cell.last_success.set(ticks);
      note_latency(cell, request.duration);
      cell.duration.observe(request.duration);
      break;
    case Outcome::kFailure:
      cell.failures.add();
      cell.failures_in_a_row.add();
      cell.last_failure.set(ticks);
      break;
    default:
      cell.clients_left.add();
  }
}

void Recorder::record_messages(const RequestRecord& request) {
  messages_.requests.add();
  messages_.latency_microseconds.add(microseconds(request.duration));
  const bool whole = request.outcome == Outcome::kSuccess;
  if (whole && request.status < 400) messages_.successes.add();
  if (request.event_stream) messages_.streams.add();
  if (request.endpoint && request.outcome != Outcome::kRejected) {
    messages_.passed_through.add();
  } else if (request.status == 503) {
    messages_.without_endpoint.add();
  }
}

}  // namespace olla::metrics
