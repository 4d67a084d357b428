#include "limits/violations.h"

#include <gtest/gtest.h>

namespace olla::limits {
namespace {

constexpr TimePoint kStart = TimePoint() + std::chrono::hours(1);

TEST(ViolationsTest, CountsEachKindForItself) {
  Violations violations;
  violations.count_size();
  violations.count_access();
  violations.count_access();
  violations.count_rate(*parse_ip("192.0.2.1"), kStart);
  EXPECT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations.access(), 2u);
  EXPECT_EQ(violations.rate(), 1u);
}

TEST(ViolationsTest, CountsAClientOnce) {
  Violations violations;
  for (int i = 0; i < 3; ++i) {
    violations.count_rate(*parse_ip("192.0.2.1"), kStart);
    violations.count_rate(*parse_ip("192.0.2.2"), kStart);
    violations.count_rate(*parse_ip("2001:db8::" + std::to_string(i)), kStart);
  }
  EXPECT_EQ(violations.rate(), 9u);
  EXPECT_EQ(violations.limited_clients(kStart), 3u);
}

TEST(ViolationsTest, RemembersNoMoreClientsThanItsLimit) {
  Violations violations;
  IpBits address = *parse_ip("0.0.0.0");
  for (std::uint32_t i = 0; i < Violations::kClientsMax + 1000; ++i) {
    address[13] = static_cast<std::uint8_t>(i >> 16);
    address[14] = static_cast<std::uint8_t>(i >> 8);
    address[15] = static_cast<std::uint8_t>(i);
    violations.count_rate(address, kStart);
  }
  EXPECT_EQ(violations.limited_clients(kStart), Violations::kClientsMax);
}

TEST(ViolationsTest, AClientIsForgottenAnHourAfterItsLastOne) {
  using std::chrono::minutes;
  Violations violations;
  violations.count_rate(*parse_ip("192.0.2.1"), kStart);
  violations.count_rate(*parse_ip("192.0.2.2"), kStart + minutes(10));
  violations.count_rate(*parse_ip("192.0.2.1"), kStart + minutes(20));
  EXPECT_EQ(violations.limited_clients(kStart + minutes(69)), 2u);
  EXPECT_EQ(violations.limited_clients(kStart + minutes(70)), 1u);
  EXPECT_EQ(violations.limited_clients(kStart + minutes(79)), 1u);
  EXPECT_EQ(violations.limited_clients(kStart + minutes(80)), 0u);
  EXPECT_EQ(violations.rate(), 3u);
}

}  // namespace
}  // namespace olla::limits
