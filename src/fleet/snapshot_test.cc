#include "fleet/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace olla::fleet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<config::Endpoint> configured(std::initializer_list<const char*> names) {
  std::vector<config::Endpoint> endpoints;
  for (const char* name : names)
    endpoints.emplace_back().name = name;
  return endpoints;
}

std::vector<vllm::ModelEntry> entries(std::initializer_list<const char*> ids) {
  std::vector<vllm::ModelEntry> list;
  for (const char* id : ids)
    list.push_back({.id = id});
  return list;
}

constexpr std::int64_t kNow = 1'700'000'000;

TEST(BookingTest, IsReleasedExactlyOnce) {
  Live live;
  {
    Booking booking(live);
    EXPECT_TRUE(booking);
    EXPECT_EQ(live.in_flight, 1u);
    Booking moved = std::move(booking);
    EXPECT_TRUE(moved);
    EXPECT_EQ(live.in_flight, 1u);
  }
  EXPECT_EQ(live.in_flight, 0u);
}

TEST(BookingTest, AssigningReleasesTheOldOne) {
  Live first, second;
  Booking booking(first);
  booking = Booking(second);
  EXPECT_EQ(first.in_flight, 0u);
  EXPECT_EQ(second.in_flight, 1u);
  booking = Booking();
  EXPECT_FALSE(booking);
  EXPECT_EQ(second.in_flight, 0u);
}

TEST(BookingTest, ThreadsCountTogether) {
  Live live;
  const Booking kept(live);
  const auto work = [&live] {
    for (int i = 0; i < 10'000; ++i)
      const Booking booking(live);
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(live.in_flight, 1u);
}

constexpr TimePoint kStart{std::chrono::seconds(1000)};
constexpr config::Breaker kOneFailure{.enabled = true, .failures = 1};

TEST(BookingTest, TellsTheBreakerOneResult) {
  Live live(config::Breaker{.enabled = true, .failures = 2});
  {
    Booking booking = Booking::admitted(live, 0, kStart);
    booking.note_failure(kStart);
    booking.note_failure(kStart);
    booking.note_success();
  }
  EXPECT_EQ(live.breaker.report(kStart).failures_in_a_row, 1u);
  Booking::admitted(live, 0, kStart).note_begun();
  EXPECT_EQ(live.breaker.report(kStart).failures_in_a_row, 1u) << "it may break off yet";
  Booking::admitted(live, 0, kStart).note_success();
  EXPECT_EQ(live.breaker.report(kStart).failures_in_a_row, 0u);
}

TEST(BookingTest, OllaW01RequestsWithoutAResultNeverOpenTheBreaker) {
  Live live(kOneFailure);
  for (int i = 0; i < 100; ++i)
    const Booking left = Booking::admitted(live, 0, kStart);
  EXPECT_TRUE(live.breaker.admits(kStart));
  EXPECT_EQ(live.in_flight, 0u);
}

TEST(BookingTest, BooksNothingWhereTheBreakerIsOpen) {
  Live live(kOneFailure);
  Booking::admitted(live, 0, kStart).note_failure(kStart);
  EXPECT_FALSE(Booking::admitted(live, 0, kStart));
  EXPECT_EQ(live.in_flight, 0u);
  EXPECT_TRUE(Booking(live)) << "of who names the endpoint";
}

TEST(BookingTest, HoldsTheOnlyPlaceOfAHalfOpenBreakerUntilItIsReleased) {
  Live live(kOneFailure);
  Booking::admitted(live, 0, kStart).note_failure(kStart);
  const TimePoint later = kStart + std::chrono::seconds(30);
  {
    Booking probe = Booking::admitted(live, 0, later);
    ASSERT_TRUE(probe);
    EXPECT_FALSE(live.breaker.admits(later));
    const Booking moved = std::move(probe);
    EXPECT_FALSE(live.breaker.admits(later));
  }
  EXPECT_TRUE(live.breaker.admits(later));
  Booking probe = Booking::admitted(live, 0, later);
  probe.note_begun();
  EXPECT_EQ(live.breaker.report(later).state, Breaker::State::kClosed);
}

TEST(FleetTest, StartsWithWhatIsConfigured) {
  const Fleet fleet(configured({"a", "b"}));
  ASSERT_EQ(fleet.size(), 2u);
  EXPECT_EQ(fleet.endpoint(EndpointId(1)).id, EndpointId(1));
  EXPECT_EQ(fleet.endpoint(EndpointId(1)).config.name, "b");
  const auto snapshot = fleet.snapshot();
  ASSERT_EQ(snapshot->endpoints.size(), 2u);
  const EndpointView& view = snapshot->endpoints[1];
  EXPECT_EQ(view.endpoint, &fleet.endpoint(EndpointId(1)));
  EXPECT_EQ(view.health, Health::kUnknown);
  EXPECT_THAT(view.addresses, IsEmpty());
  EXPECT_EQ(view.models, nullptr);
  EXPECT_EQ(view.condition(), Condition::kUnknown);
  EXPECT_THAT(*snapshot->first_seen, IsEmpty());
  EXPECT_NE(view.live, snapshot->endpoints[0].live);
}

TEST(FleetTest, SaysWhetherSomethingChanged) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  Address address;
  address.port = 8000;
  Address other = address;
  other.port = 8001;
  EXPECT_FALSE(fleet.set_health(id, Health::kUnknown));
  EXPECT_TRUE(fleet.set_health(id, Health::kHealthy));
  EXPECT_FALSE(fleet.set_health(id, Health::kHealthy));
  EXPECT_TRUE(fleet.set_addresses(id, {address, other}));
  EXPECT_FALSE(fleet.set_addresses(id, {address, other}));
  EXPECT_TRUE(fleet.set_addresses(id, {other, address}));
  EXPECT_TRUE(fleet.set_models(id, {}, kNow)) << "now it is known";
  EXPECT_FALSE(fleet.set_models(id, {}, kNow));
  EXPECT_TRUE(fleet.set_models(id, entries({"y", "x"}), kNow));
  EXPECT_FALSE(fleet.set_models(id, entries({"y", "x"}), kNow + 1));
  std::vector<vllm::ModelEntry> other_permission = entries({"y", "x"});
  other_permission[0].permission = R"([{"id":"modelperm-1"}])";
  EXPECT_FALSE(fleet.set_models(id, other_permission, kNow + 1));
  EXPECT_TRUE(fleet.set_version(id, "0.11.0"));
  EXPECT_FALSE(fleet.set_version(id, "0.11.0"));
  EXPECT_TRUE(fleet.set_refuses(id, true));
  EXPECT_FALSE(fleet.set_refuses(id, true));
  EXPECT_TRUE(fleet.set_draining(id, true));
  EXPECT_FALSE(fleet.set_draining(id, true));
}

TEST(FleetTest, TheConditionIsWhatKeepsRequestsAway) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  const auto condition = [&] { return to_string(fleet.view(id).condition()); };
  EXPECT_STREQ(condition(), "unknown");
  fleet.set_health(id, Health::kHealthy);
  EXPECT_STREQ(condition(), "healthy");
  auto figures = std::make_shared<Figures>();
  EXPECT_FALSE(fleet.set_figures(id, figures));
  figures = std::make_shared<Figures>();
  figures->state.asleep = true;
  EXPECT_TRUE(fleet.set_figures(id, figures));
  EXPECT_STREQ(condition(), "asleep");
  fleet.set_draining(id, true);
  EXPECT_STREQ(condition(), "draining");
  fleet.set_health(id, Health::kUnhealthy);
  EXPECT_STREQ(condition(), "unhealthy");
}

TEST(FleetTest, OneThatWasDrainedStaysSoWhateverItsHealth) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  EXPECT_TRUE(fleet.set_drained(id, true));
  EXPECT_FALSE(fleet.set_drained(id, true));
  EXPECT_EQ(fleet.view(id).condition(), Condition::kDraining) << "it stands in for nobody";
  for (const Health health : {Health::kHealthy, Health::kUnhealthy, Health::kHealthy}) {
    fleet.set_health(id, health);
    fleet.set_draining(id, false);
    EXPECT_NE(fleet.view(id).condition(), Condition::kReady);
    EXPECT_TRUE(fleet.view(id).drained);
  }
  EXPECT_STREQ(to_string(fleet.view(id).status(kStart)), "draining");
  EXPECT_TRUE(fleet.set_drained(id, false));
  EXPECT_EQ(fleet.view(id).condition(), Condition::kReady);
}

TEST(FleetTest, OneThatCameBackWarmsUp) {
  using std::chrono::seconds;
  std::vector<config::Endpoint> endpoints = configured({"a", "b"});
  endpoints[0].health.slow_start = seconds(20);
  endpoints[1].health.slow_start = seconds(0);
  Fleet fleet(endpoints);
  const auto share = [&](int second) {
    return fleet.view(EndpointId(0)).share(kStart + seconds(second));
  };
  const auto status = [&](int second) {
    return to_string(fleet.view(EndpointId(0)).status(kStart + seconds(second)));
  };
  fleet.set_health(EndpointId(0), Health::kHealthy, kStart);
  EXPECT_EQ(share(0), 1) << "it was not out";
  EXPECT_STREQ(status(0), "healthy");
  fleet.set_health(EndpointId(0), Health::kUnhealthy, kStart);
  fleet.set_health(EndpointId(0), Health::kHealthy, kStart);
  EXPECT_DOUBLE_EQ(share(-1), EndpointView::kShareMin) << "another thread's time";
  EXPECT_DOUBLE_EQ(share(0), EndpointView::kShareMin);
  EXPECT_DOUBLE_EQ(share(10), (1 + EndpointView::kShareMin) / 2);
  EXPECT_STREQ(status(19), "warming");
  EXPECT_EQ(share(20), 1);
  EXPECT_STREQ(status(20), "healthy");
  fleet.set_health(EndpointId(1), Health::kUnhealthy, kStart);
  fleet.set_health(EndpointId(1), Health::kHealthy, kStart);
  EXPECT_EQ(fleet.view(EndpointId(1)).share(kStart), 1) << "it warms up in no time";
}

TEST(FleetTest, OneThatCameBackBeginsWithAClosedBreaker) {
  Fleet fleet(configured({"a"}), config::builtin_profiles(), kOneFailure);
  const EndpointId id(0);
  Live& live = *fleet.view(id).live;
  fleet.set_health(id, Health::kHealthy);
  Booking::admitted(live, 0, kStart).note_failure(kStart);
  fleet.set_health(id, Health::kHealthy);
  EXPECT_FALSE(live.breaker.admits(kStart)) << "health alone says nothing about requests";
  fleet.set_health(id, Health::kUnhealthy);
  EXPECT_FALSE(live.breaker.admits(kStart));
  fleet.set_health(id, Health::kHealthy);
  EXPECT_TRUE(live.breaker.admits(kStart));
}

TEST(FleetTest, TheStatusTellsWhyAnEndpointIsOut) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  const auto status = [&] { return std::string(to_string(fleet.view(id).status(kStart))); };
  EXPECT_EQ(status(), "unknown");
  fleet.set_health(id, Health::kUnhealthy);
  const std::pair<Verdict, const char*> reasons[] = {{Verdict::kOffline, "offline"},
                                                     {Verdict::kUnhealthy, "unhealthy"},
                                                     {Verdict::kConfigError, "config_error"},
                                                     {Verdict::kRateLimited, "rate_limited"}};
  for (const auto& [verdict, word] : reasons) {
    fleet.set_checks(id, {.last = verdict, .last_failure = verdict});
    EXPECT_EQ(status(), word);
    fleet.set_checks(id, {.last = Verdict::kPassed, .last_failure = verdict});
    EXPECT_EQ(status(), word) << "until enough checks have passed";
  }
  fleet.set_health(id, Health::kHealthy);
  EXPECT_EQ(status(), "healthy");
  fleet.set_checks(id, {.last = Verdict::kBusy});
  EXPECT_EQ(status(), "busy");
  auto figures = std::make_shared<Figures>();
  figures->state.asleep = true;
  fleet.set_figures(id, figures);
  EXPECT_EQ(status(), "asleep");
}

TEST(FleetTest, RemembersWhenAModelWasFirstSeen) {
  Fleet fleet(configured({"a", "b"}));
  fleet.set_models(EndpointId(0), entries({"x"}), kNow);
  fleet.set_models(EndpointId(1), entries({"x", "y"}), kNow + 5);
  fleet.set_models(EndpointId(0), {}, kNow + 6);
  fleet.set_models(EndpointId(0), entries({"x"}), kNow + 7);
  EXPECT_THAT(*fleet.snapshot()->first_seen,
              ElementsAre(testing::Pair("x", kNow), testing::Pair("y", kNow + 5)));
}

TEST(FleetTest, TakesAServerThatDoesNotTellItsVersionForTheNewest) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  EXPECT_EQ(fleet.view(id).vllm_version, std::nullopt) << "it was not asked";
  fleet.set_version(id, "0.11.0");
  EXPECT_EQ(fleet.view(id).vllm_version, (vllm::Version{.minor = 11}));
  fleet.set_version(id, "");
  EXPECT_EQ(fleet.view(id).vllm_version, vllm::kNewestVersion);
}

TEST(FleetTest, OfAServerThatIsGoneTheModelsStayAndItsFiguresUntilTheNextOne) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  fleet.set_models(id, entries({"x"}), kNow);
  fleet.set_version(id, "0.11.0");
  auto figures = std::make_shared<Figures>();
  figures->state.asleep = true;
  fleet.set_figures(id, figures);
  fleet.add_missing_route(id, "/v1/embeddings");
  fleet.forget_server(id);
  const EndpointView& view = fleet.view(id);
  EXPECT_NE(view.figures, nullptr);
  EXPECT_EQ(view.version, "");
  EXPECT_EQ(view.vllm_version, std::nullopt);
  EXPECT_FALSE(view.lacks_route("/v1/embeddings"));
  EXPECT_THAT(view.models->ids, ElementsAre("x"));
  fleet.forget_figures(id);
  EXPECT_EQ(view.figures, nullptr);
  EXPECT_TRUE(fleet.set_version(id, ""));
  EXPECT_EQ(view.vllm_version, vllm::kNewestVersion);
}

TEST(FleetTest, RemembersMissingRoutesUntilTheModelsChange) {
  Fleet fleet(configured({"a"}));
  const EndpointId id(0);
  EXPECT_FALSE(fleet.view(id).lacks_route("/v1/embeddings"));
  EXPECT_TRUE(fleet.add_missing_route(id, "/v1/embeddings"));
  EXPECT_FALSE(fleet.add_missing_route(id, "/v1/embeddings"));
  EXPECT_TRUE(fleet.view(id).lacks_route("/v1/embeddings"));
  EXPECT_FALSE(fleet.view(id).lacks_route("/v1/embedding"));
  fleet.set_models(id, entries({"x"}), kNow);
  EXPECT_FALSE(fleet.view(id).lacks_route("/v1/embeddings"));
  for (std::size_t i = 0; i < Fleet::kMissingRoutesMax; ++i)
    EXPECT_TRUE(fleet.add_missing_route(id, "/v1/audio/" + std::to_string(i)));
  EXPECT_TRUE(fleet.add_missing_route(id, "/v1/audio/more"));
  EXPECT_TRUE(fleet.view(id).lacks_route("/v1/audio/more"));
  EXPECT_FALSE(fleet.view(id).lacks_route("/v1/audio/0")) << "the oldest is forgotten";
}

TEST(FleetTest, ASnapshotDoesNotChangeAnyMore) {
  Fleet fleet(configured({"a"}));
  const auto before = fleet.snapshot();
  fleet.set_health(EndpointId(0), Health::kUnhealthy);
  fleet.set_models(EndpointId(0), entries({"y", "x"}), kNow);
  const auto after = fleet.snapshot();
  EXPECT_EQ(before->endpoints[0].health, Health::kUnknown);
  EXPECT_EQ(before->endpoints[0].models, nullptr);
  EXPECT_EQ(after->endpoints[0].health, Health::kUnhealthy);
  EXPECT_THAT(after->endpoints[0].models->ids, ElementsAre("x", "y"));
  EXPECT_EQ(after->endpoints[0].models->entries, entries({"y", "x"}));
}

TEST(FleetTest, SnapshotsShareTheCounters) {
  const Fleet fleet(configured({"a", "b"}));
  const auto first = fleet.snapshot();
  const Booking booking(*first->endpoints[1].live);
  const auto second = fleet.snapshot();
  EXPECT_EQ(second->endpoints[0].live->in_flight, 0u);
  EXPECT_EQ(second->endpoints[1].live->in_flight, 1u);
}

}  // namespace
}  // namespace olla::fleet
