#include "net/address.h"

#include <gtest/gtest.h>

namespace olla::net {
namespace {

TEST(NetAddressTest, ConvertsBothWays) {
  for (const char* text : {"127.0.0.1", "255.1.2.3", "::1", "2001:db8::ff"}) {
    SCOPED_TRACE(text);
    const Tcp::endpoint endpoint(asio::ip::make_address(text), 8000);
    const fleet::Address address = from_asio(endpoint);
    EXPECT_EQ(address.v6, endpoint.address().is_v6());
    EXPECT_EQ(to_asio(address), endpoint);
  }
}

TEST(NetAddressTest, KnowsALiteralFromAName) {
  const auto v4 = literal_address("10.0.0.7", 80);
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->to_string(), "10.0.0.7:80");
  const auto v6 = literal_address("::1", 8000);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->to_string(), "[::1]:8000");
  EXPECT_FALSE(literal_address("localhost", 80));
  EXPECT_FALSE(literal_address("10.0.0", 80));
  EXPECT_FALSE(literal_address("", 80));
}

}  // namespace
}  // namespace olla::net
