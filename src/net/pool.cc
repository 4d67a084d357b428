#include "net/pool.h"

namespace olla::net {
namespace {

constexpr std::chrono::seconds kSweepInterval{1};

}  // namespace

std::unique_ptr<UpstreamConnection> Pool::take(EndpointId endpoint) {
  const auto found = idle_.find(endpoint);
  if (found == idle_.end()) return nullptr;
  auto& stack = found->second;
  while (!stack.empty()) {
    std::unique_ptr<UpstreamConnection> connection = std::move(stack.back());
    stack.pop_back();
    if (connection->is_quiet()) return connection;
  }
  return nullptr;
}

void Pool::give(EndpointId endpoint, std::unique_ptr<UpstreamConnection> connection) {
  auto& stack = idle_[endpoint];
  if (stack.size() >= kMaxIdlePerEndpoint) return;
  connection->mark_reused();
  connection->idle_since = Clock::now();
  stack.push_back(std::move(connection));
  if (!sweeping_) {
    sweeping_ = true;
    expire_after(kSweepInterval);
  }
}

void Pool::on_deadline() {
  const TimePoint now = Clock::now();
  std::size_t left = 0;
  for (auto& [endpoint, stack] : idle_) {
    std::erase_if(stack, [now](const std::unique_ptr<UpstreamConnection>& connection) {
      return now - connection->idle_since > kMaxIdle || !connection->is_quiet();
    });
    left += stack.size();
  }
  sweeping_ = left > 0;
  if (sweeping_) expire_after(kSweepInterval);
}

}  // namespace olla::net
