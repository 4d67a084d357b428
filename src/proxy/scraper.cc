#include "proxy/scraper.h"

#include <algorithm>
#include <exception>

#include "config/url.h"
#include "net/spawn.h"
#include "vllm/metrics_text.h"

namespace olla::proxy {
namespace {

// 80 KB per engine in use; a server of a hundred data-parallel engines fits.
constexpr std::size_t kMaxMetricsBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxGpuBytes = 4 * 1024 * 1024;

constexpr std::chrono::seconds kTimeout{5};

// An exporter reads the GPUs every 30 s unless told otherwise.
constexpr std::chrono::seconds kGpuInterval{5};

constexpr std::string_view kAgent = "olla-Metrics/v" OLLA_VERSION;

}  // namespace

Scraper::Watched::Watched(net::asio::io_context& io, const fleet::Endpoint& described)
    : endpoint(described),
      timer(io),
      metrics(target_of(described.config,
                        config::join_path(described.config.address.path, "/metrics"))),
      gpu_timer(io) {
  if (!described.config.gpu_metrics_url.empty())
    gpu = target_of(described.config, described.config.gpu_metrics_url);
}

Scraper::Scraper(Asker& asker, fleet::Fleet& fleet, Duration interval, log::Logger& logger,
                 Notices notices)
    : asker_(asker),
      fleet_(fleet),
      interval_(interval),
      logger_(logger),
      notices_(std::move(notices)) {}

void Scraper::start() {
  if (interval_ <= Duration::zero()) return;
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    // One whose type is found out may be a vLLM later.
    if (!fleet_.view(id).is_vllm() && !fleet_.endpoint(id).config.detects_type) continue;
    watched_.push_back(std::make_unique<Watched>(asker_.io(), fleet_.endpoint(id)));
  }
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  for (const auto& watched : watched_) {
    net::spawn(asker_.io(), watch(*watched), rethrow);
    if (watched->gpu) net::spawn(asker_.io(), watch_gpu(*watched), rethrow);
  }
}

void Scraper::stop() {
  stopped_ = true;
  for (const auto& watched : watched_) {
    watched->timer.cancel();
    watched->gpu_timer.cancel();
  }
}

void Scraper::read_now(EndpointId endpoint) {
  const auto found =
      std::find_if(watched_.begin(), watched_.end(),
                   [endpoint](const auto& watched) { return watched->endpoint.id == endpoint; });
  if (stopped_ || found == watched_.end()) return;
  (*found)->due = TimePoint{};
  (*found)->timer.cancel();  // The loop looks at the time again.
}

net::Awaitable<void> Scraper::watch(Watched& watched) {
  while (!stopped_) {
    const fleet::EndpointView& view = fleet_.view(watched.endpoint.id);
    const bool answers = view.health == fleet::Health::kHealthy && view.is_vllm();
    const TimePoint due = answers ? watched.due : TimePoint::max();
    if (due > Clock::now()) {
      watched.timer.expires_at(due);
      co_await watched.timer.async_wait(net::kAwait);
      continue;  // Woken by the time, by read_now() or by stop(): look again.
    }
    const TimePoint began = Clock::now();
    watched.due = TimePoint::max();
    co_await read(watched);
    if (stopped_) co_return;
    const TimePoint next = began + interval_ * (watched.failing ? kFailingTimes : 1);
    watched.due = std::min(watched.due, next);
  }
}

net::Awaitable<void> Scraper::read(Watched& watched) {
  const EndpointId id = watched.endpoint.id;
  const config::Endpoint& config = watched.endpoint.config;
  const TimePoint end = Clock::now() + kTimeout;
  const auto found = co_await asker_.find_beside(config.address.host, fleet_.view(id).addresses,
                                                 watched.metrics, end);
  if (stopped_ || !found) co_return;
  auto answer = co_await asker_.ask(config, watched.metrics, kAgent, kMaxMetricsBytes, end);
  if (stopped_) co_return;
  if (!answer) {
    note_failure(watched, answer.error().detail);
    if (answer.error().code == Errc::kRefused && answer.error().side == Side::kUpstream)
      notices_.refused(id);
    co_return;
  }
  if (answer->status != 200) {
    note_failure(watched, "status " + std::to_string(answer->status));
    co_return;
  }
  auto state = vllm::parse_metrics(answer->body);
  if (!state) {
    note_failure(watched, state.error().detail);
    co_return;
  }
  watched.failing = false;
  auto figures = std::make_shared<fleet::Figures>();
  figures->state = std::move(*state);
  figures->text = std::move(answer->body);
  figures->text.shrink_to_fit();  // Read in pieces, it has room for more, and there may be 1,024.
  figures->gpu_text = watched.gpu_text;
  figures->read_at = Clock::now();
  const bool changed = fleet_.set_figures(id, std::move(figures));
  notices_.figures_read();
  if (changed) notices_.changed();
}

net::Awaitable<void> Scraper::watch_gpu(Watched& watched) {
  while (!stopped_) {
    co_await read_gpu(watched);
    if (stopped_) co_return;
    watched.gpu_timer.expires_after(kGpuInterval);
    co_await watched.gpu_timer.async_wait(net::kAwait);
  }
}

/// Reads what the GPU exporter says. One that does not answer leaves nothing: no figure is better
/// than an old one.
net::Awaitable<void> Scraper::read_gpu(Watched& watched) {
  const config::Endpoint& config = watched.endpoint.config;
  const TimePoint now = Clock::now();
  const auto found =
      co_await asker_.find_beside(config.address.host, fleet_.view(watched.endpoint.id).addresses,
                                  *watched.gpu, now + kTimeout);
  if (stopped_) co_return;
  std::string text;
  if (found) {
    auto answer = co_await asker_.ask(config, *watched.gpu, kAgent, kMaxGpuBytes, now + kTimeout);
    if (answer && answer->status == 200) text = std::move(answer->body);
  }
  watched.gpu_text = std::move(text);
}

/// The figures that there are stay, and their age tells.
void Scraper::note_failure(Watched& watched, std::string_view why) {
  if (!watched.failing) {
    logger_.warn("cannot read the metrics",
                 {{"endpoint", watched.endpoint.config.name}, {"error", why}});
  }
  watched.failing = true;
}

}  // namespace olla::proxy
