#include "net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/loop.h"

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

TEST(NetAddressTest, ALiteralResolvesToItself) {
  test::Loop loop;
  const auto found = test::run(loop, resolve("127.0.0.9", 8001));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().to_string(), "127.0.0.9:8001");
}

TEST(NetAddressTest, LocalhostResolvesToLoopback) {
  test::Loop loop;
  const auto found = test::run(loop, resolve("localhost", 8001));
  ASSERT_TRUE(found);
  std::vector<std::string> texts;
  for (const fleet::Address& address : *found)
    texts.push_back(address.to_string());
  EXPECT_THAT(texts, testing::Contains("127.0.0.1:8001"));
}

TEST(NetAddressTest, ANameThatCannotExistIsAnError) {
  test::Loop loop;
  // A label may have 63 characters: the resolver refuses this one without asking anybody.
  const auto found = test::run(loop, resolve(std::string(300, 'x'), 80));
  ASSERT_TRUE(found.has_error());
  EXPECT_EQ(found.error().code, Errc::kRefused);
  EXPECT_EQ(found.error().side, Side::kUpstream);
}

}  // namespace
}  // namespace olla::net
