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
  EXPECT_THAT(view.models, IsEmpty());
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
  EXPECT_TRUE(fleet.set_models(id, {"y", "x", "y"}));
  EXPECT_FALSE(fleet.set_models(id, {"x", "y"}));
  EXPECT_TRUE(fleet.set_models(id, {}));
}

TEST(FleetTest, ASnapshotDoesNotChangeAnyMore) {
  Fleet fleet(configured({"a"}));
  const auto before = fleet.snapshot();
  fleet.set_health(EndpointId(0), Health::kUnhealthy);
  fleet.set_models(EndpointId(0), {"y", "x", "y"});
  const auto after = fleet.snapshot();
  EXPECT_EQ(before->endpoints[0].health, Health::kUnknown);
  EXPECT_THAT(before->endpoints[0].models, IsEmpty());
  EXPECT_EQ(after->endpoints[0].health, Health::kUnhealthy);
  EXPECT_THAT(after->endpoints[0].models, ElementsAre("x", "y"));
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
