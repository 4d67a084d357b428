#include "base/cidr.h"

#include <gtest/gtest.h>

namespace olla {
namespace {

bool holds(std::string_view network, std::string_view address) {
  const auto cidr = Cidr::parse(network);
  EXPECT_TRUE(cidr) << network;
  return cidr && cidr->contains(address);
}

TEST(CidrTest, ContainsTheAddressesOfItsNetwork) {
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(holds("172.16.0.0/12", "172.31.255.255"));
  EXPECT_FALSE(holds("172.16.0.0/12", "172.32.0.0"));
  EXPECT_TRUE(holds("192.168.1.7", "192.168.1.7"));
  EXPECT_FALSE(holds("192.168.1.7", "192.168.1.8"));
  EXPECT_TRUE(holds("0.0.0.0/0", "8.8.8.8"));
  EXPECT_TRUE(holds("fd00::/8", "fd12::1"));
  EXPECT_FALSE(holds("fd00::/8", "fe80::1"));
  EXPECT_TRUE(holds("::1/128", "::1"));
}

TEST(CidrTest, TakesMappedAddressesForIpv4) {
  EXPECT_TRUE(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
  EXPECT_FALSE(holds("127.0.0.0/8", "::1"));
  EXPECT_FALSE(holds("0.0.0.0/0", "fd00::1"));
  EXPECT_TRUE(holds("::/0", "10.0.0.1"));
}

TEST(CidrTest, IgnoresBitsBehindThePrefix) {
  EXPECT_TRUE(holds("10.1.2.3/8", "10.9.9.9"));
}

TEST(CidrTest, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "x", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129",
                           "10.0.0.0/8x", "fd00::1%eth0", "[::1]", "10.0.0.1:80"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

TEST(CidrTest, ContainsNothingThatIsNoAddress) {
  EXPECT_FALSE(holds("0.0.0.0/0", "localhost"));
  EXPECT_FALSE(holds("::/0", ""));
}

TEST(CidrTest, WritesAnAddressInItsOneUsualSpelling) {
  EXPECT_EQ(ip_text(*parse_ip("10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(ip_text(*parse_ip("::ffff:10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(ip_text(*parse_ip("2001:DB8:0:0::1")), "2001:db8::1");
  EXPECT_TRUE(is_v4(*parse_ip("10.0.0.1")));
  EXPECT_FALSE(is_v4(*parse_ip("::1")));
}

}  // namespace
}  // namespace olla
