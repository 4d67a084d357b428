#include "limits/client_address.h"

#include <gtest/gtest.h>

namespace olla::limits {
namespace {

using Fields = std::vector<http::Field>;

config::RateLimits trusting() {
  config::RateLimits limits;
  limits.trust_proxy_headers = true;
  limits.trusted_proxy_cidrs = {"10.0.0.0/8", "fd00::/8"};
  return limits;
}

std::string client(std::string_view peer, const Fields& fields,
                   const config::RateLimits& limits = trusting()) {
  return TrustedProxies(limits).client_of(peer_address(peer), fields).text;
}

TEST(ClientAddressTest, AProxyThatIsNotTrustedIsTheClient) {
  const Fields fields = {{"X-Forwarded-For", "192.0.2.1"}, {"X-Real-IP", "192.0.2.1"}};
  EXPECT_EQ(client("198.51.100.7", fields), "198.51.100.7");
  EXPECT_EQ(client("10.0.0.1", fields, config::RateLimits()), "10.0.0.1");
}

TEST(ClientAddressTest, OllaW44TheLastAddressThatIsNoProxyIsTheClient) {
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "192.0.2.1"}}), "192.0.2.1");
  // The client wrote the first itself; the proxy added the second.
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "203.0.113.9, 192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "203.0.113.9, 192.0.2.1, 10.0.0.2"}}),
            "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {{"x-forwarded-for", "203.0.113.9"},
                                {"Host", "h"},
                                {"X-FORWARDED-FOR", "192.0.2.1,10.0.0.3"},
                                {"X-Forwarded-For", "fd00::2"}}),
            "192.0.2.1");
}

TEST(ClientAddressTest, WithProxiesAloneTheFirstIsTheClient) {
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "10.0.0.9, 10.0.0.2"}}), "10.0.0.9");
}

TEST(ClientAddressTest, WhatIsNoAddressEndsTheWalk) {
  for (const char* nonsense : {"unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[::1", "[::1]x",
                               "1.2.3.4:80:80", "localhost", "\"10.0.0.3\"", "10.0.0.3 10.0.0.4"}) {
    const std::string list = "192.0.2.1, " + std::string(nonsense) + ", 10.0.0.2";
    EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", list}}), "10.0.0.2") << nonsense;
    EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", nonsense}}), "10.0.0.1") << nonsense;
  }
}

TEST(ClientAddressTest, PortsAndBracketsAreNoPartOfAnAddress) {
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "192.0.2.1:4711"}}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "[2001:DB8::1]:4711"}}), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "[2001:db8::1]"}}), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", "2001:db8::1"}}), "2001:db8::1");
}

TEST(ClientAddressTest, EmptyElementsDoNotCount) {
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", ",192.0.2.1 ,\t, 10.0.0.2,"}}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", " , "}}), "10.0.0.1");
}

TEST(ClientAddressTest, WithoutAListASingleRealIpCounts) {
  EXPECT_EQ(client("10.0.0.1", {{"X-Real-IP", "192.0.2.1"}}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Real-IP", "192.0.2.1"}, {"X-Real-IP", "192.0.2.2"}}),
            "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Real-IP", "nobody"}}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {{"X-Real-IP", "192.0.2.1"}, {"X-Forwarded-For", "bad"}}),
            "10.0.0.1");
}

TEST(ClientAddressTest, ALongChainIsNotWalkedToItsEnd) {
  std::string list = "192.0.2.1";
  for (std::size_t i = 1; i < kHopsMax; ++i)
    list += ", 10.1.0." + std::to_string(i);
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", list}}), "192.0.2.1");
  list += ", 10.2.0.1";
  EXPECT_EQ(client("10.0.0.1", {{"X-Forwarded-For", list}}), "10.1.0.1");
}

TEST(ClientAddressTest, MappedAddressesAreThoseOfIpv4) {
  EXPECT_EQ(peer_address("::ffff:192.0.2.1").text, "192.0.2.1");
  EXPECT_EQ(client("::ffff:10.0.0.1", {{"X-Forwarded-For", "::ffff:192.0.2.1"}}), "192.0.2.1");
}

TEST(ClientAddressTest, AZoneIsKeptInTheTextAlone) {
  const ClientAddress peer = peer_address("fe80::1%eth0");
  EXPECT_EQ(peer.text, "fe80::1%eth0");
  EXPECT_EQ(peer.bits, *parse_ip("fe80::1"));
}

}  // namespace
}  // namespace olla::limits
