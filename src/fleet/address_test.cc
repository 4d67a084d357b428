#include "fleet/address.h"

#include <gtest/gtest.h>

namespace olla::fleet {
namespace {

TEST(AddressTest, IsWrittenAsInAUrl) {
  Address address;
  address.bytes = {127, 0, 0, 1};
  address.port = 8000;
  EXPECT_EQ(address.to_string(), "127.0.0.1:8000");
  address.bytes = {0x20, 0x01, 0x0d, 0xb8};
  address.bytes[15] = 1;
  address.v6 = true;
  address.port = 65535;
  EXPECT_EQ(address.to_string(), "[2001:db8::1]:65535");
}

TEST(AddressTest, EqualOnlyWhenAllPartsAre) {
  Address a;
  a.port = 1;
  Address b = a;
  EXPECT_EQ(a, b);
  b.port = 2;
  EXPECT_NE(a, b);
  b = a;
  b.v6 = true;
  EXPECT_NE(a, b);
  b = a;
  b.bytes[15] = 1;
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace olla::fleet
