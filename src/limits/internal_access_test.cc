#include "limits/internal_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::limits {
namespace {

std::optional<std::string> refusal(const InternalAccess& access, std::string_view peer,
                                   std::string_view host) {
  http::RequestHead head;
  head.method = "GET";
  head.host = host;
  return access.refusal(peer_address(peer), head);
}

TEST(InternalAccessTest, EverythingUnderInternalIsGuardedButHealth) {
  for (const char* path : {"/internal", "/internal/", "/internal/status", "/internal/healthy",
                           "/internal/health/", "/internal/endpoints/a/drain"}) {
    EXPECT_TRUE(is_guarded_internal_path(path)) << path;
  }
  for (const char* path : {"/internal/health", "/version", "/", "/internals", "/olla/vllm/health",
                           "/olla/internal/status"}) {
    EXPECT_FALSE(is_guarded_internal_path(path)) << path;
  }
}

TEST(InternalAccessTest, OllaW40WithoutAPolicyOnlyThisMachineIsAllowed) {
  const InternalAccess access(std::nullopt, "gateway.example");
  for (const char* peer : {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"})
    EXPECT_FALSE(refusal(access, peer, "localhost:40114")) << peer;
  for (const char* peer : {"192.0.2.1", "10.0.0.1", "::2", "fe80::1%eth0", ""})
    EXPECT_TRUE(refusal(access, peer, "localhost:40114")) << peer;
}

TEST(InternalAccessTest, TheHostIsAnAddressOrAllowed) {
  const InternalAccess access(std::nullopt, "gateway.example");
  for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1", "10.1.2.3:40114", "[::1]:80",
                           "[2001:db8::1]", "gateway.example", "Gateway.Example:40114"}) {
    EXPECT_FALSE(refusal(access, "127.0.0.1", host)) << host;
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example:80",
                           "127.0.0.1.evil.example", "[::1", "[localhost.evil]", ":80"}) {
    EXPECT_TRUE(refusal(access, "127.0.0.1", host)) << host;
  }
}

TEST(InternalAccessTest, APolicyReplacesTheDefaultWholly) {
  config::AccessPolicy policy;
  policy.allowed_cidrs = {"10.0.0.0/8"};
  policy.allowed_hosts = {"ops.example"};
  const InternalAccess access(policy, "gateway.example");
  EXPECT_FALSE(refusal(access, "10.3.2.1", "ops.example"));
  EXPECT_TRUE(refusal(access, "127.0.0.1", "ops.example"));
  EXPECT_TRUE(refusal(access, "10.3.2.1", "localhost"));
  EXPECT_TRUE(refusal(access, "10.3.2.1", "gateway.example"));
  EXPECT_FALSE(refusal(access, "10.3.2.1", "10.9.9.9"));
}

TEST(InternalAccessTest, SaysWhatToChange) {
  const InternalAccess access(std::nullopt, "localhost");
  EXPECT_EQ(refusal(access, "127.0.0.1", "evil.example:80"),
            "403 forbidden: host not accepted (ip=127.0.0.1, host=evil.example). Adjust "
            "internal.access_policy.allowed_hosts in the config.");
  EXPECT_EQ(refusal(access, "192.0.2.1", "localhost"),
            "403 forbidden: ip not in allowed range (ip=192.0.2.1, host=localhost). Adjust "
            "internal.access_policy.allowed_cidrs in the config.");
  EXPECT_LT(refusal(access, "127.0.0.1", std::string(100'000, 'x'))->size(), 500u);
}

TEST(InternalAccessTest, WhatAProxySaysDoesNotCount) {
  const InternalAccess access(std::nullopt, "localhost");
  http::RequestHead head;
  head.method = "GET";
  head.host = "localhost";
  head.fields = {{"X-Forwarded-For", "127.0.0.1"}, {"X-Real-IP", "127.0.0.1"}};
  EXPECT_TRUE(access.refusal(peer_address("192.0.2.1"), head));
  head.fields = {{"X-Forwarded-For", "192.0.2.1"}};
  EXPECT_FALSE(access.refusal(peer_address("127.0.0.1"), head));
}

TEST(InternalAccessTest, APageOfAnotherOriginMaySendNoCommand) {
  const InternalAccess access(std::nullopt, "localhost");
  http::RequestHead head;
  head.host = "127.0.0.1:40114";
  for (const char* origin : {"http://evil.example", "null", "http://127.0.0.1:3000", ""}) {
    head.fields = {{"Origin", origin}};
    head.method = "POST";
    EXPECT_TRUE(access.refusal(peer_address("127.0.0.1"), head)) << origin;
    head.method = "GET";  // The browser keeps the answer from it.
    EXPECT_FALSE(access.refusal(peer_address("127.0.0.1"), head)) << origin;
  }
  head.method = "POST";
  head.fields = {{"Origin", "http://127.0.0.1:40114"}};
  EXPECT_FALSE(access.refusal(peer_address("127.0.0.1"), head));
  head.fields.clear();
  EXPECT_FALSE(access.refusal(peer_address("127.0.0.1"), head));
}

}  // namespace
}  // namespace olla::limits
