#include "proxy/discovery.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "config/url.h"
#include "vllm/models_document.h"

namespace olla::proxy {
namespace {

// A model list with permissions takes 400 bytes per model; 2,500 models fit.
constexpr std::size_t kMaxListBytes = 1024 * 1024;

// Models come and go with LoRA adapters and restarts; a restart is seen by the health check.
constexpr std::chrono::seconds kInterval{30};
constexpr std::chrono::seconds kTimeout{10};

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
      list(target_of(described.config, described.config.model_url)),
      version(target_of(described.config,
                        config::join_path(described.config.address.path, "/version"))) {}

ModelDiscovery::ModelDiscovery(Asker& asker, fleet::Fleet& fleet, log::Logger& logger,
                               std::function<void()> changed)
    : asker_(asker), fleet_(fleet), logger_(logger), changed_(std::move(changed)) {}

void ModelDiscovery::start() {
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    watched_.push_back(std::make_unique<Watched>(asker_.io(), fleet_.endpoint(id)));
  }
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  for (const auto& watched : watched_)
    net::asio::co_spawn(asker_.io(), watch(*watched), rethrow);
}

void ModelDiscovery::stop() {
  stopped_ = true;
  for (const auto& watched : watched_)
    watched->timer.cancel();
}

void ModelDiscovery::read_now(EndpointId endpoint) {
  if (!stopped_) read_at(*watched_[endpoint.value()], TimePoint{});
}

void ModelDiscovery::read_all_now() {
  if (stopped_) return;
  const TimePoint now = Clock::now();
  for (const auto& watched : watched_)
    read_at(*watched, std::max(now, watched->read + kRequestedGap));
}

void ModelDiscovery::read_at(Watched& watched, TimePoint when) {
  watched.due = std::min(watched.due, when);
  watched.timer.cancel();  // The loop looks at the time again.
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
    // Set before, because the endpoint may come up anew while its list is read.
    watched.read = Clock::now();
    watched.due = watched.read + kInterval;
    const bool models_changed = co_await read_models(watched);
    if (stopped_) co_return;
    if (models_changed) changed_();
    const bool changed = co_await read_version(watched.endpoint.id, Clock::now() + kTimeout);
    if (changed) changed_();
  }
}

/// Reads the model list; true when it changed.
net::Awaitable<bool> ModelDiscovery::read_models(Watched& watched) {
  const TimePoint end = Clock::now() + kTimeout;
  const auto answer = co_await ask(watched, watched.list, kMaxListBytes, end);
  if (stopped_) co_return false;
  co_return note_models(watched, answer);
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

/// Takes in a model list; true when it changed. One that cannot be read keeps the old one.
bool ModelDiscovery::note_models(Watched& watched, const Result<net::FetchResponse>& answer) {
  const std::string& name = watched.endpoint.config.name;
  if (!answer || answer->status != 200) {
    const std::string why =
        answer ? "status " + std::to_string(answer->status) : answer.error().detail;
    logger_.warn("cannot read the model list", {{"endpoint", name}, {"error", why}});
    return false;
  }
  auto models = vllm::parse_models(answer->body);
  if (!models) {
    logger_.warn("cannot read the model list",
                 {{"endpoint", name}, {"error", "the answer is no list of models"}});
    return false;
  }
  const auto count = static_cast<std::int64_t>(models->size());
  std::string names;
  for (std::size_t i = 0; i < std::min(models->size(), kModelsLogged); ++i)
    names.append(names.empty() ? "" : ", ").append((*models)[i].id);
  if (!fleet_.set_models(watched.endpoint.id, std::move(*models), unix_seconds())) return false;
  logger_.info("models", {{"endpoint", name}, {"count", count}, {"models", names}});
  return true;
}

}  // namespace olla::proxy
