#include "proxy/discovery.h"

#include <algorithm>
#include <exception>

#include "config/url.h"
#include "models/filter.h"
#include "models/parse.h"
#include "net/spawn.h"
#include "vllm/version.h"

namespace olla::proxy {
namespace {

// As in Olla. A model list with permissions takes 400 bytes per model.
constexpr std::size_t kMaxListBytes = 10 * 1024 * 1024;

constexpr std::chrono::seconds kVersionTimeout{10};

// More than a reading may take, since it waits for its turn and its deadline is noticed late.
constexpr std::chrono::seconds kRefreshSlack{1};

// A pause of hours is as good as the interval; more doublings would overflow.
constexpr std::uint32_t kDoublingsMax = 16;

// Enough to see what an endpoint serves; a list of thousands would flood the log.
constexpr std::size_t kModelsLogged = 10;

constexpr std::string_view kDiscoveryAgent = "olla-Discovery/v" OLLA_VERSION;

// A version is 20 characters.
constexpr std::size_t kMaxVersionBytes = 64 * 1024;
constexpr std::size_t kVersionLengthMax = 128;

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Error stopped_error() {
  return {Errc::kCancelled, Side::kGateway, "the gateway stops"};
}

}  // namespace

ModelDiscovery::Watched::Watched(net::asio::io_context& io, const fleet::Endpoint& described)
    : endpoint(described),
      timer(io),
      ticket(io),
      list(target_of(described.config, described.config.model_url)),
      version(target_of(described.config,
                        config::join_path(described.config.address.path, "/version"))) {}

ModelDiscovery::ModelDiscovery(Asker& asker, fleet::Fleet& fleet, const config::Config& config,
                               log::Logger& logger, Notices notices)
    : asker_(asker),
      fleet_(fleet),
      config_(config.model_discovery),
      registry_(config.model_registry),
      logger_(logger),
      notices_(std::move(notices)),
      slots_(std::max(1U, config.model_discovery.concurrent_workers)),
      cleanup_timer_(asker.io()) {}

void ModelDiscovery::start() {
  started_ = Clock::now();
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    watched_.push_back(std::make_unique<Watched>(asker_.io(), fleet_.endpoint(id)));
  }
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  for (const auto& watched : watched_)
    net::spawn(asker_.io(), watch(*watched), rethrow);
  net::spawn(asker_.io(), forget_stale(), rethrow);
}

void ModelDiscovery::stop() {
  stopped_ = true;
  cleanup_timer_.cancel();
  slots_.stop();
  for (const auto& watched : watched_)
    watched->timer.cancel();
  const std::vector<std::shared_ptr<Refresh>> open = refreshes_;
  for (const auto& refresh : open)
    finish(*refresh);
}

void ModelDiscovery::read_now(EndpointId endpoint) {
  if (stopped_) return;
  Watched& watched = *watched_[endpoint.value()];
  watched.failures = 0;
  watched.failing = false;
  // What it has is not known, which is something else than that it has nothing.
  if (std::exchange(watched.forgotten, false)) fleet_.forget_models(endpoint);
  read_at(watched, TimePoint{});
}

void ModelDiscovery::read_all_now() {
  if (stopped_) return;
  for (const auto& watched : watched_)
    read_doubtful(*watched);
}

void ModelDiscovery::read_doubtful(Watched& watched) {
  const Duration rest = watched.failing ? Duration(kFailingGap) : Duration(kRequestedGap);
  const TimePoint when = std::max(Clock::now(), watched.read + rest);
  if (when < watched.due) read_at(watched, when);  // Else its loop need not be woken.
}

void ModelDiscovery::read_at(Watched& watched, TimePoint when) {
  watched.due = std::min(watched.due, when);
  watched.timer.cancel();  // The loop looks at the time again.
}

bool ModelDiscovery::may_be_read(const Watched& watched) const {
  return config_.enabled && fleet_.view(watched.endpoint.id).health == fleet::Health::kHealthy;
}

std::shared_ptr<ModelDiscovery::Refresh> ModelDiscovery::begin_refresh(Done done) {
  auto refresh = std::make_shared<Refresh>(asker_.io());
  refresh->done = std::move(done);
  refreshes_.push_back(refresh);
  for (const auto& watched : watched_) {
    const fleet::EndpointView& view = fleet_.view(watched->endpoint.id);
    ListReading& reading = refresh->readings.emplace_back();
    reading.endpoint = watched->endpoint.id;
    if (view.models) reading.models = view.models->entries.size();
    if (!may_be_read(*watched)) reading.outcome = ListReading::Outcome::kSkipped;
  }
  return refresh;
}

void ModelDiscovery::refresh(Done done) {
  const auto refresh = begin_refresh(std::move(done));
  for (const auto& watched : watched_) {
    if (!may_be_read(*watched)) continue;
    ++refresh->left;
    watched->asked.push_back(refresh);
    if (!stopped_) read_at(*watched, std::max(Clock::now(), watched->read + kRequestedGap));
  }
  end_in_time(refresh);
}

void ModelDiscovery::refresh_missed(Done done) {
  const auto refresh = begin_refresh(std::move(done));
  const TimePoint now = Clock::now();
  for (const auto& watched : watched_) {
    if (stopped_ || !may_be_read(*watched)) continue;
    if (!holds_up_miss(*watched, now)) {
      read_doubtful(*watched);
      continue;
    }
    ++refresh->left;
    if (watched->reading) {
      watched->missed = now;
      watched->told_now.push_back(refresh);
      continue;
    }
    watched->asked.push_back(refresh);
    if (std::exchange(watched->miss_asked, true)) continue;
    watched->missed = now;
    read_at(*watched, now);
  }
  end_in_time(refresh);
}

/// Whether a request whose model nobody lists waits for this list.
bool ModelDiscovery::holds_up_miss(const Watched& watched, TimePoint now) const {
  if (watched.failing) return false;
  if (watched.reading) return now - watched.read < registry_.discovery_timeout;
  // Its loop has to wake up first, and to wait for a slot: those that come meanwhile are as early.
  if (watched.miss_asked) return now - watched.missed < registry_.discovery_timeout;
  return now - watched.missed >= kRequestedGap;
}

void ModelDiscovery::end_in_time(const std::shared_ptr<Refresh>& refresh) {
  // An endpoint that goes down meanwhile is not read at all.
  const Duration limit = kRequestedGap + config_.timeout + kRefreshSlack;
  refresh->timer.expires_after(refresh->left == 0 || stopped_ ? Duration::zero() : limit);
  refresh->timer.async_wait([this, refresh](net::error_code error) {
    if (!error) finish(*refresh);
  });
}

/// Tells who waits for it, once.
void ModelDiscovery::finish(Refresh& refresh) {
  if (!refresh.done) return;
  const Done done = std::exchange(refresh.done, nullptr);
  done(refresh.readings);
  refresh.timer.cancel();
  std::erase_if(refreshes_, [&refresh](const auto& open) { return open.get() == &refresh; });
}

net::Awaitable<void> ModelDiscovery::watch(Watched& watched) {
  while (!stopped_) {
    const bool healthy = fleet_.view(watched.endpoint.id).health == fleet::Health::kHealthy;
    const TimePoint due = healthy ? watched.due : TimePoint::max();
    if (due > Clock::now()) {
      watched.timer.expires_at(due);
      co_await watched.timer.async_wait(net::kAwait);
      continue;  // Woken by the time, by an endpoint that comes up or by stop(): look again.
    }
    co_await slots_.take(watched.ticket);
    if (stopped_) co_return;
    if (fleet_.view(watched.endpoint.id).health != fleet::Health::kHealthy) {
      slots_.release(watched.ticket);
      continue;
    }
    // Set before, because the endpoint may come up anew while its list is read.
    watched.read = Clock::now();
    watched.due = watched.read + config_.interval;
    if (config_.enabled) co_await read(watched);
    if (stopped_) co_return;
    const TimePoint end = Clock::now() + kVersionTimeout;
    const bool changed = co_await read_version(watched.endpoint.id, end);
    slots_.release(watched.ticket);
    if (stopped_) co_return;
    if (changed) notices_.changed();
  }
}

/// Forgets from time to time what endpoints had that are down for long: their models are unknown
/// ones then. As long as they are remembered, requests for them are told to come back.
net::Awaitable<void> ModelDiscovery::forget_stale() {
  while (!stopped_) {
    cleanup_timer_.expires_after(registry_.cleanup_interval);
    co_await cleanup_timer_.async_wait(net::kAwait);
    if (stopped_) co_return;
    const TimePoint now = Clock::now();
    bool changed = false;
    for (const auto& watched : watched_) {
      if (!is_stale(*watched, now)) continue;
      watched->forgotten = true;
      fleet_.set_models(watched->endpoint.id, {}, unix_seconds());
      logger_.info("models forgotten", {{"endpoint", watched->endpoint.config.name}});
      changed = true;
    }
    if (changed) notices_.changed();
  }
}

/// Whether it is down for so long that a model of its is an unknown one.
bool ModelDiscovery::is_stale(const Watched& watched, TimePoint now) const {
  const fleet::EndpointView& view = fleet_.view(watched.endpoint.id);
  if (!config_.enabled || watched.forgotten || view.health != fleet::Health::kUnhealthy)
    return false;
  if (view.models) return now - watched.listed > registry_.stale_threshold;
  const Duration limit = std::min<Duration>(registry_.stale_threshold, kMayComeUp);
  return now - std::max(started_, watched.read) > limit;
}

/// Reads the model list, and tells those who asked for it.
net::Awaitable<void> ModelDiscovery::read(Watched& watched) {
  watched.told_now = std::exchange(watched.asked, {});
  watched.miss_asked = false;
  watched.reading = true;
  const TimePoint end = Clock::now() + config_.timeout;
  if (watched.endpoint.config.detects_type)
    watched.list = model_list_of(fleet_.view(watched.endpoint.id));
  const auto answer = co_await ask(watched, watched.list, kMaxListBytes, end);
  if (stopped_) co_return;
  const ListReading reading = take_in(watched, answer);
  watched.reading = false;
  watched.failing = reading.outcome == ListReading::Outcome::kFailed;
  note_result(watched, watched.failing);
  for (const auto& refresh : std::exchange(watched.told_now, {})) {
    refresh->readings[reading.endpoint.value()] = reading;
    if (--refresh->left == 0) finish(*refresh);
  }
}

/// A list that could not be read is tried again after a pause that doubles, and after the last try
/// at the interval.
void ModelDiscovery::note_result(Watched& watched, bool failed) {
  if (!failed || watched.failures >= config_.retry_attempts) {
    watched.failures = 0;
    return;
  }
  const Duration pause = config_.retry_backoff * (1LL << std::min(watched.failures, kDoublingsMax));
  ++watched.failures;
  watched.due = std::min(watched.due, Clock::now() + std::min<Duration>(pause, config_.interval));
}

net::Awaitable<bool> ModelDiscovery::read_version(EndpointId id, TimePoint end) {
  if (!fleet_.view(id).is_vllm()) co_return false;
  Watched& watched = *watched_[id.value()];
  const auto answer = co_await ask(watched, watched.version, kMaxVersionBytes, end);
  if (stopped_) co_return false;
  if (!answer && fleet_.view(id).vllm_version) co_return false;
  std::string version;
  if (answer && answer->status == 200) version = vllm::version_text(answer->body).value_or("");
  if (version.size() > kVersionLengthMax) version.clear();
  co_return fleet_.set_version(id, std::move(version));
}

net::Awaitable<Result<net::FetchResponse>> ModelDiscovery::ask(Watched& watched, Target& target,
                                                               std::size_t max_body_bytes,
                                                               TimePoint end) {
  const config::Endpoint& endpoint = watched.endpoint.config;
  const std::vector<fleet::Address>& own = fleet_.view(watched.endpoint.id).addresses;
  const auto found = co_await asker_.find_beside(endpoint.address.host, own, target, end);
  if (!found) co_return found.error();
  if (stopped_) co_return stopped_error();
  auto answer = co_await asker_.ask(endpoint, target, kDiscoveryAgent, max_body_bytes, end);
  co_return answer;
}

ListReading ModelDiscovery::failure(const Watched& watched, std::string_view detail,
                                    std::string reason) {
  logger_.warn("cannot read the model list",
               {{"endpoint", watched.endpoint.config.name}, {"error", detail}});
  ListReading reading{watched.endpoint.id, ListReading::Outcome::kFailed};
  const auto& models = fleet_.view(watched.endpoint.id).models;
  if (models) reading.models = models->entries.size();
  reading.reason = std::move(reason);
  return reading;
}

/// Takes in a model list. One that cannot be read keeps the old one.
ListReading ModelDiscovery::take_in(Watched& watched, const Result<net::FetchResponse>& answer) {
  if (!answer) return failure(watched, answer.error().detail, "no answer");
  if (answer->status != 200) {
    const std::string status = "status " + std::to_string(answer->status);
    return failure(watched, status, status);
  }
  const EndpointId id = watched.endpoint.id;
  auto entries = models::parse_list(fleet_.view(id).profile->model_list, answer->body);
  if (!entries) {
    constexpr std::string_view kNoList = "the answer is no list of models";
    return failure(watched, kNoList, std::string(kNoList));
  }
  const config::ModelFilter& filter = watched.endpoint.config.model_filter;
  std::erase_if(*entries, [&filter](const models::ModelEntry& entry) {
    return !models::passes(filter, entry.id);
  });
  ListReading reading{id, ListReading::Outcome::kRead, entries->size()};
  std::string names;
  for (std::size_t i = 0; i < std::min(entries->size(), kModelsLogged); ++i)
    names.append(names.empty() ? "" : ", ").append((*entries)[i].id);
  watched.listed = Clock::now();
  fleet_.note_models_read(id, watched.listed);
  if (!fleet_.set_models(id, std::move(*entries), unix_seconds())) {
    notices_.read_again();
    return reading;
  }
  logger_.info("models", {{"endpoint", watched.endpoint.config.name},
                          {"count", static_cast<std::int64_t>(reading.models)},
                          {"models", names}});
  notices_.changed();
  return reading;
}

}  // namespace olla::proxy
