#include "admin/endpoint_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "admin/internal.h"
#include "test/gateway.h"

namespace olla::admin {
namespace {

using testing::HasSubstr;

struct EndpointCommandsTest : testing::Test {
  EndpointCommandsTest() : gateway(loop, config()) {}

  static config::Config config() {
    config::Config config = test::config_for({41001, 41002});
    config.endpoints[1].name = "gpu/1 %41";
    return config;
  }
  proxy::OwnAnswer ask(const std::string& path, const std::string& method = "POST") {
    http::RequestHead head;
    head.method = method;
    head.target = path;
    const proxy::InternalRequest request{head, path, path, {}, "127.0.0.1"};
    return *test::run(loop, answer_internal(gateway.services, request));
  }
  [[nodiscard]] bool drained(std::size_t index) const {
    return gateway.services.snapshot->endpoints[index].drained;
  }

  test::Loop loop;
  test::Gateway gateway;
};

TEST_F(EndpointCommandsTest, DrainsAndTakesItBack) {
  const fleet::Booking running(*gateway.services.snapshot->endpoints[0].live);
  for (int i = 0; i < 2; ++i) {
    const proxy::OwnAnswer answer = ask("/internal/endpoints/e0/drain");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(nlohmann::json::parse(answer.body),
              nlohmann::json::parse(R"({"name":"e0","status":"draining","drained":true,
                                        "active_connections":1})"));
    EXPECT_TRUE(drained(0));
    EXPECT_FALSE(drained(1));
  }
  const proxy::OwnAnswer answer = ask("/internal/endpoints/e0/undrain");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("status":"healthy","drained":false)"));
  EXPECT_FALSE(drained(0));
}

TEST_F(EndpointCommandsTest, NamesMayBeEscaped) {
  EXPECT_EQ(ask("/internal/endpoints/gpu%2F1%20%2541/drain").status, 200);
  EXPECT_TRUE(drained(1));
  EXPECT_EQ(ask("/internal/endpoints/gpu/1%20%2541/undrain").status, 200);
  EXPECT_FALSE(drained(1));
}

TEST_F(EndpointCommandsTest, OtherNamesAndCommandsAreNotFound) {
  for (const char* path : {"/internal/endpoints/e2/drain", "/internal/endpoints//drain"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(ask(path).status, 404);
    EXPECT_THAT(ask(path).body, HasSubstr("endpoint_not_found"));
  }
  for (const char* path :
       {"/internal/endpoints/e0/stop", "/internal/endpoints/e0", "/internal/endpoints/e0/drain/",
        "/internal/endpoints/", "/internal/endpoints/drain"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(ask(path).status, 404);
    EXPECT_THAT(ask(path).body, HasSubstr("unknown_route"));
  }
  EXPECT_FALSE(drained(0));
}

TEST_F(EndpointCommandsTest, TakesPostAlone) {
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    const proxy::OwnAnswer answer = ask("/internal/endpoints/e0/drain", method);
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.extra_fields, "Allow: POST\r\n");
  }
  EXPECT_FALSE(drained(0));
}

}  // namespace
}  // namespace olla::admin
