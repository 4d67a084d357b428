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
