#include "config/url.h"

#include <gtest/gtest.h>

namespace olla::config {
namespace {

TEST(UrlTest, TakesAUrlApart) {
  const struct {
    const char* text;
    const char* host;
    int port;
    const char* path;
    const char* authority;
  } cases[] = {
      {"http://192.168.0.100:8000", "192.168.0.100", 8000, "/", "192.168.0.100:8000"},
      {"http://gpu-1.example", "gpu-1.example", 80, "/", "gpu-1.example"},
      {"http://gpu_1:80/", "gpu_1", 80, "/", "gpu_1"},
      {"HTTP://GPU:8000/Base", "gpu", 8000, "/Base", "gpu:8000"},
      {"http://h:1/a/b/", "h", 1, "/a/b/", "h:1"},
      {"http://h/x?y=z:1@2", "h", 80, "/x?y=z:1@2", "h"},
      {"http://h?y", "h", 80, "/?y", "h"},
      {"http://[::1]:8000/x", "::1", 8000, "/x", "[::1]:8000"},
      {"http://[FE80::A]", "fe80::a", 80, "/", "[fe80::a]"},
      {"http://[::ffff:1.2.3.4]:65535", "::ffff:1.2.3.4", 65535, "/", "[::ffff:1.2.3.4]:65535"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << url.error().detail;
    EXPECT_EQ(url->scheme, "http");
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->path, c.path);
    EXPECT_EQ(url->authority(), c.authority);
  }
}

TEST(UrlTest, SaysWhatIsWrongWithAUrl) {
  const struct {
    const char* text;
    const char* detail;
  } cases[] = {
      {"", "must start with http://"},
      {"localhost:8000", "must start with http://"},
      {"ftp://h", "must start with http://"},
      {"http:/h", "must start with http://"},
      {"https://h", "TLS"},
      {"HTTPS://h", "TLS"},
      {"http://", "names no host"},
      {"http:///x", "names no host"},
      {"http://:8000", "names no host"},
      {"http://h:", "port from 1"},
      {"http://h:0", "port from 1"},
      {"http://h:65536", "port from 1"},
      {"http://h:80a", "port from 1"},
      {"http://h:-1", "port from 1"},
      {"http://user:pass@h", "user name or password"},
      {"http://token@h:8000/x", "user name or password"},
      {"http://h/x#y", "fragment"},
      {"http://h/x y", "character"},
      {"http://h\r\nx", "character"},
      {"http://h\xc3\xa9", "character"},
      {"http://a,b", "neither a name nor an address"},
      {"http://1.2.3", "looks like an IPv4"},
      {"http://1.2.3.256", "looks like an IPv4"},
      {"http://::1", "brackets"},
      {"http://[::1", "without its ]"},
      {"http://[::g]", "no IPv6 address"},
      {"http://[]", "no IPv6 address"},
      {"http://[fe80::1%25eth0]", "no IPv6 address"},
      {"http://[::1]x", "after its ]"},
      {"http://[::1]:", "port from 1"},
      {"http://${HOST}:8000", "not substituted here"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto url = parse_url(c.text);
    ASSERT_FALSE(url);
    EXPECT_NE(url.error().detail.find(c.detail), std::string::npos) << url.error().detail;
  }
  EXPECT_FALSE(parse_url("http://" + std::string(254, 'a')));
  EXPECT_TRUE(parse_url("http://" + std::string(253, 'a')));
}

TEST(UrlTest, JoinsPathsWithOneSlash) {
  EXPECT_EQ(join_path("/", "/health"), "/health");
  EXPECT_EQ(join_path("/base", "/health"), "/base/health");
  EXPECT_EQ(join_path("/base/", "health"), "/base/health");
  EXPECT_EQ(join_path("/base//", "/"), "/base/");
}

}  // namespace
}  // namespace olla::config
