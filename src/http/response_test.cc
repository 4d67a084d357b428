#include "http/response.h"

#include <gtest/gtest.h>

namespace olla::http {
namespace {

TEST(ResponseTest, WritesASizedAnswer) {
  OwnResponse response;
  response.status = 404;
  response.body = "{}";
  response.extra_fields = "X-Olla-Request-ID: 1\r\n";
  response.now = 784111777;  // The date of RFC 9110's own example.
  std::string out;
  append_response(response, out);
  EXPECT_EQ(
      out,
      "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\nX-Olla-Request-ID: 1\r\n\r\n{}");
}

TEST(ResponseTest, AnAnswerToHeadHasAllFieldsAndNoBody) {
  OwnResponse response;
  response.body = "{}";
  response.head_only = true;
  response.keep_alive = false;
  std::string out;
  append_response(response, out);
  EXPECT_NE(out.find("Content-Length: 2\r\nConnection: close\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

TEST(ResponseTest, ANotModifiedTellsNoLength) {
  OwnResponse response;
  response.status = 304;
  response.content_type = {};
  std::string out;
  append_response(response, out);
  EXPECT_EQ(out.find("Content-"), std::string::npos) << out;
}

TEST(ResponseTest, AnOldClientIsToldThatTheConnectionStays) {
  OwnResponse response;
  response.client_minor_version = 0;
  std::string out;
  append_response(response, out);
  EXPECT_NE(out.find("Connection: keep-alive\r\n"), std::string::npos);
}

}  // namespace
}  // namespace olla::http
