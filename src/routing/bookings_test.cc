// Every pick is booked and released once, whatever happens in between.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "routing/pick.h"

namespace olla::routing {
namespace {

constexpr std::uint32_t kEndpoints = 7;
constexpr std::uint32_t kThreads = 4;
constexpr std::uint32_t kPicksOfThread = 250'000;
constexpr std::size_t kHeldMax = 12;  // Of one thread: enough to fill the endpoints with a limit.

/// Opens often, and is soon tried again.
constexpr config::Breaker kBreaker{
    .enabled = true, .failures = 2, .open_for = std::chrono::milliseconds(50)};

constexpr std::array<config::LoadBalancer, 5> kPolicies = {
    config::LoadBalancer::kPriority, config::LoadBalancer::kRoundRobin,
    config::LoadBalancer::kLeastConnections, config::LoadBalancer::kRandom,
    config::LoadBalancer::kPowerOfTwo};

std::vector<config::Endpoint> endpoints() {
  std::vector<config::Endpoint> made(kEndpoints);
  for (std::uint32_t i = 0; i < kEndpoints; ++i) {
    made[i].type = "vllm";
    made[i].name = "e" + std::to_string(i);
    made[i].weight = 1 + i % 3;
    made[i].priority = static_cast<int>(100 + i % 2);
    made[i].max_concurrent = i % 3 == 0 ? 0 : 2 + i;
  }
  return made;
}

/// The fleet, which one thread changes, the snapshot that all of them see, and the time, which goes
/// on by a millisecond with every pick.
class World {
 public:
  World() : fleet_(endpoints(), config::builtin_profiles(), kBreaker) {
    for (std::uint32_t i = 0; i < kEndpoints; ++i) {
      fleet_.set_addresses(EndpointId(i), {fleet::Address{}});
      fleet_.set_models(EndpointId(i), {{.id = i % 2 == 0 ? "m" : "M"}}, 0);
      fleet_.set_health(EndpointId(i), fleet::Health::kHealthy);
    }
    publish();
  }

  /// Of one thread alone.
  void change(Random& random) {
    const EndpointId id(static_cast<std::uint32_t>(random.below(kEndpoints)));
    fleet_.set_health(id,
                      random.below(3) == 0 ? fleet::Health::kUnhealthy : fleet::Health::kHealthy);
    fleet_.set_draining(id, random.below(8) == 0);
    fleet_.set_drained(id, random.below(8) == 0);
    fleet_.set_models(id, {{.id = random.below(2) == 0 ? "m" : "M"}}, 0);
    ++reloads;
    publish();
  }

  std::shared_ptr<const fleet::Snapshot> snapshot() {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }

  [[nodiscard]] fleet::Live& live(std::uint32_t i) const {
    return *fleet_.view(EndpointId(i)).live;
  }
  TimePoint now() {
    return TimePoint(std::chrono::hours(1)) +
           std::chrono::milliseconds(clock_.fetch_add(1, std::memory_order_relaxed));
  }

  std::array<std::atomic<std::int64_t>, kEndpoints> held{};  // By the tests' own count.
  std::atomic<std::uint64_t> booked{0};
  std::atomic<std::uint64_t> released{0};
  std::atomic<std::uint64_t> picks{0};
  std::atomic<std::uint64_t> cancelled{0};
  std::atomic<std::uint64_t> opened{0};  // Breakers.
  std::atomic<std::uint64_t> reloads{0};
  std::atomic<std::uint64_t> over_limit{0};
  std::atomic<std::uint32_t> turn{0};

 private:
  void publish() {
    const std::lock_guard lock(mutex_);
    snapshot_ = fleet_.snapshot();
  }

  fleet::Fleet fleet_;
  std::atomic<std::int64_t> clock_{0};
  std::mutex mutex_;
  std::shared_ptr<const fleet::Snapshot> snapshot_;
};

/// What a thread holds of one request.
struct Held {
  std::uint32_t endpoint;
  fleet::Booking booking;
  std::shared_ptr<const fleet::Snapshot> snapshot;
};

class Client {
 public:
  Client(World& world, std::uint64_t seed) : world_(world), random_(seed) {}

  void run(bool changes_fleet) {
    for (std::uint32_t step = 0; picks_ < kPicksOfThread; ++step) {
      if (step % 16 == 0) snapshot_ = world_.snapshot();
      if (changes_fleet && step % 64 == 0) world_.change(random_);
      if (!held_.empty() && (held_.size() == kHeldMax || random_.below(2) == 0)) {
        end_one();
      } else {
        begin_one();
      }
    }
    while (!held_.empty())
      end_one();
    world_.picks += picks_;
  }

 private:
  /// Picks until one is booked, as many times as it fails: each failure leaves an endpoint out.
  void begin_one() {
    std::vector<EndpointId> tried;
    const auto failures = random_.below(3);
    for (;;) {
      PickRequest request{.tried = tried};
      if (random_.below(2) == 0) request.model = "m";
      request.balancer = kPolicies[random_.below(kPolicies.size())];
      request.draw = {world_.turn.fetch_add(1, std::memory_order_relaxed), random_.next()};
      request.now = world_.now();
      const Pick picked = pick(*snapshot_, request);
      ++picks_;
      if (picked.view == nullptr) return;
      fleet::Booking booking = book(picked, request.now);
      if (!booking) continue;
      take(picked, std::move(booking));
      if (tried.size() >= failures) return;
      tried.push_back(picked.view->endpoint->id);  // It fails: on to another one.
      if (held_.back().booking.note_failure(world_.now())) ++world_.opened;
      end_last();
    }
  }

  void take(const Pick& picked, fleet::Booking booking) {
    const std::uint32_t endpoint = picked.view->endpoint->id.value();
    const std::int64_t now = world_.held[endpoint].fetch_add(1) + 1;
    const std::uint32_t limit = picked.view->endpoint->config.max_concurrent;
    if (limit > 0 && now > limit) ++world_.over_limit;
    ++world_.booked;
    held_.push_back({endpoint, std::move(booking), snapshot_});
  }

  void end_one() {
    std::swap(held_[random_.below(held_.size())], held_.back());
    fleet::Booking& booking = held_.back().booking;
    switch (random_.below(4)) {
      case 0:  // Its client leaves.
        ++world_.cancelled;
        break;
      case 1:  // It breaks off in mid-answer.
        booking.note_begun();
        if (booking.note_failure(world_.now())) ++world_.opened;
        break;
      default:
        booking.note_success();
    }
    end_last();
  }

  void end_last() {
    world_.held[held_.back().endpoint].fetch_sub(1);
    held_.pop_back();
    ++world_.released;
  }

  World& world_;
  Random random_;
  std::uint64_t picks_ = 0;
  std::shared_ptr<const fleet::Snapshot> snapshot_;
  std::vector<Held> held_;
};

TEST(BookingsTest, AMillionPicksCancelsFailuresAndReloadsEndWithAllCountersAtZero) {
  const char* given = std::getenv("OLLA_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : system_seed();
  std::fputs(("OLLA_TEST_SEED=" + std::to_string(seed) + "\n").c_str(), stdout);
  World world;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back(
        [&world, seed, i] { Client(world, seed + i).run(/*changes_fleet=*/i == 0); });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_GE(world.picks, 1'000'000u);
  EXPECT_GT(world.booked, world.picks / 10);
  EXPECT_EQ(world.booked, world.released);
  EXPECT_EQ(world.over_limit, 0u);
  for (const auto* event : {&world.cancelled, &world.opened, &world.reloads})
    EXPECT_GT(*event, 1000u);
  for (std::uint32_t i = 0; i < kEndpoints; ++i) {
    EXPECT_EQ(world.live(i).in_flight, 0u) << i;
    EXPECT_EQ(world.held[i], 0) << i;
  }
}

}  // namespace
}  // namespace olla::routing
