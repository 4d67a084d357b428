#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "test/loaded.h"

namespace olla::config {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

using test::endpoint_with;
using test::ErrorCase;
using test::expect_errors;
using test::load_with;
using test::only_endpoint;
using test::texts;

constexpr char kExample[] = R"(endpoints:
  - url: "http://192.168.0.100:8000"
    name: "vllm-server"
    type: "vllm"
    priority: 90
    model_url: "/v1/models"
    health_check_url: "/health"
    check_interval: 5s
    check_timeout: 2s
    headers:
      X-API-Key: "${VLLM_API_KEY}"
)";

TEST(LoadTest, ReadsTheExampleOfTheApiReference) {
  const Loaded loaded = load_with(kExample, {{"VLLM_API_KEY", "k1"}});
  EXPECT_THAT(loaded.warnings, IsEmpty());
  const Endpoint endpoint = only_endpoint(loaded);
  EXPECT_EQ(endpoint.url, "http://192.168.0.100:8000");
  EXPECT_EQ(endpoint.address.host, "192.168.0.100");
  EXPECT_EQ(endpoint.address.port, 8000);
  EXPECT_EQ(endpoint.name, "vllm-server");
  EXPECT_EQ(endpoint.type, "vllm");
  EXPECT_EQ(endpoint.priority, 90);
  EXPECT_EQ(endpoint.model_url, "/v1/models");
  EXPECT_EQ(endpoint.health_check_url, "/health");
  EXPECT_EQ(endpoint.check_interval, 5s);
  EXPECT_EQ(endpoint.check_timeout, 2s);
  ASSERT_EQ(endpoint.headers.size(), 1u);
  EXPECT_EQ(endpoint.headers[0].name, "X-API-Key");
  EXPECT_EQ(endpoint.headers[0].value, "k1");
  EXPECT_FALSE(endpoint.forward_client_auth);
  EXPECT_EQ(endpoint.line, 2u);
}

TEST(LoadTest, ReadsEveryOtherKey) {
  const Loaded loaded = load_with(R"(
server:
  host: "::"
  port: 0
  threads: 3
  read_header_timeout: 1s
  read_timeout: 2s
  idle_timeout: 1m30s
  shutdown_timeout: 0
  request_limits: {max_body_size: 100MB, max_header_size: 64KiB}
proxy:
  connection_timeout: 500ms
  response_header_timeout: 24h
  read_timeout: 1.5s
endpoints:
  - {url: "http://[::1]:9000", type: vllm, forward_client_auth: yes}
logging: {level: WARNING, format: text}
)");
  const Endpoint endpoint = only_endpoint(loaded);
  EXPECT_THAT(loaded.warnings, IsEmpty());
  const Server& server = loaded.config.server;
  EXPECT_EQ(server.host, "::");
  EXPECT_EQ(server.port, 0);
  EXPECT_EQ(server.threads, 3u);
  EXPECT_EQ(server.read_header_timeout, 1s);
  EXPECT_EQ(server.read_timeout, 2s);
  EXPECT_EQ(server.idle_timeout, 90s);
  EXPECT_EQ(server.shutdown_timeout, 0s);
  EXPECT_EQ(server.request_limits.max_body_size, 104857600u);
  EXPECT_EQ(server.request_limits.max_header_size, 65536u);
  EXPECT_EQ(loaded.config.proxy.connection_timeout, 500ms);
  EXPECT_EQ(loaded.config.proxy.response_header_timeout, 24h);
  EXPECT_EQ(loaded.config.proxy.read_timeout, 1500ms);
  EXPECT_EQ(endpoint.name, "[::1]:9000");
  EXPECT_TRUE(endpoint.forward_client_auth);
  EXPECT_EQ(loaded.config.logging.level, LogLevel::kWarn);
  EXPECT_EQ(loaded.config.logging.format, LogFormat::kText);
}

TEST(LoadTest, ReadsEveryLogLevel) {
  const std::pair<const char*, LogLevel> cases[] = {{"debug", LogLevel::kDebug},
                                                    {"info", LogLevel::kInfo},
                                                    {"warn", LogLevel::kWarn},
                                                    {"warning", LogLevel::kWarn},
                                                    {"error", LogLevel::kError}};
  for (const auto& [word, level] : cases) {
    EXPECT_EQ(load_with("logging: {level: " + std::string(word) + "}").config.logging.level, level);
  }
}

TEST(LoadTest, ZeroStandsForTheDefaultWhereOllaHasItSo) {
  const Loaded loaded = load_with(
      "server: {read_header_timeout: 0, idle_timeout: 0s, read_timeout: 7s}\n"
      "proxy: {response_header_timeout: 0}\n");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_EQ(loaded.config.server.read_header_timeout, 10s);
  EXPECT_EQ(loaded.config.server.idle_timeout, 7s);
  EXPECT_EQ(loaded.config.proxy.response_header_timeout, 15min);
}

TEST(LoadTest, OllasNestingWorksAndJoinsTheTopLevelList) {
  const std::string nested =
      "discovery:\n  static:\n    endpoints:\n      - {url: 'http://b:1', type: vllm}\n";
  const Loaded alone = load_with(nested);
  EXPECT_EQ(only_endpoint(alone).name, "b:1");
  EXPECT_THAT(alone.warnings, IsEmpty());

  const Loaded both = load_with(nested + "endpoints:\n  - {url: 'http://a:1', type: vllm}\n");
  EXPECT_THAT(texts(both.errors), IsEmpty());
  ASSERT_EQ(both.config.endpoints.size(), 2u);
  EXPECT_EQ(both.config.endpoints[0].name, "a:1");
  EXPECT_EQ(both.config.endpoints[1].name, "b:1");
}

TEST(LoadTest, OllaW45OllasDefaultFileLoadsAndEveryKeyWithoutEffectIsNamed) {
  const Loaded loaded =
      load_file(std::string(OLLA_SOURCE_DIR) + "/src/config/testdata/olla_default.yaml",
                [](const std::string&) { return std::nullopt; });
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(
      texts(loaded.warnings),
      ElementsAre("f:26: server.rate_limits.per_endpoint: has no effect here: max_concurrent of an "
                  "endpoint limits what it gets",
                  "f:40: proxy.response_header_timeout: is short: an answer that is not streamed "
                  "sends its head when the generation is over, and one that takes longer than 30s "
                  "is lost",
                  "f:56: discovery.health_check: has no effect here: every endpoint is checked at "
                  "once, and then by its check_interval",
                  "f:124: dashboard.enabled: has no effect here: there is no web page yet"));
  const Config& config = loaded.config;
  ASSERT_EQ(config.endpoints.size(), 3u);
  EXPECT_EQ(config.endpoints[0].type, "ollama");
  EXPECT_EQ(config.endpoints[0].model_url, "/api/tags");
  EXPECT_EQ(config.endpoints[1].health_check_url, "/");
  EXPECT_EQ(config.proxy.connection_timeout, 60s);
  EXPECT_EQ(config.server.rate_limits.global_requests_per_minute, 1000u);
  EXPECT_EQ(config.server.rate_limits.per_ip_requests_per_minute, 100u);
  EXPECT_FALSE(config.internal_access);
}

TEST(LoadTest, AllErrorsComeAtOnceInTheOrderOfTheirLines) {
  const Loaded loaded = load_with(R"(server:
  port: 70000
  hots: x
endpoints:
  - name: a
    chek_interval: 5s
  - url: https://h
    type: vlm
    check_timeout: 1m
    headers: {Host: x}
logging:
  level: loud
colour: blue
)");
  EXPECT_THAT(
      texts(loaded.errors),
      ElementsAre("f:2: server.port: must be a whole number, 0 to 65535; got \"70000\"",
                  "f:3: server.hots: unknown key; did you mean host?",
                  "f:5: endpoints[0].url: is missing; give one such as http://192.168.0.100:8000",
                  "f:6: endpoints[0].chek_interval: unknown key; did you mean check_interval?",
                  "f:7: endpoints[1].url: asks for TLS, which is not supported towards endpoints "
                  "yet; use http://",
                  "f:8: endpoints[1].type: must be one of: vllm, vllm-mlx, openai-compatible, "
                  "ollama, llamacpp, litellm, docker-model-runner, lm-studio, sglang, lmdeploy, "
                  "lemonade, omlx, auto; got \"vlm\"",
                  "f:9: endpoints[1].check_timeout: is out of range; allowed: 1ms to 30s; got "
                  "\"1m\"",
                  "f:10: endpoints[1].headers.Host: is a header that the gateway sets itself",
                  "f:12: logging.level: must be one of: debug, info, warn, warning, error; got "
                  "\"loud\"",
                  "f:13: colour: unknown key"));
}

TEST(LoadTest, ValuesOfTheWrongTypeSayWhatIsAllowed) {
  expect_errors({
      {"- a\n- b\n", "f:1: must be a mapping"},
      {"just text\n", "f:1: must be a mapping"},
      {"server: 5", "f:1: server: must be a mapping"},
      {"server:\n  - a", "f:1: server: must be a mapping"},
      {"server:\n  request_limits: none", "f:2: server.request_limits: must be a mapping"},
      {"discovery: {static: x}", "f:1: discovery.static: must be a mapping"},
      {"endpoints: x", "f:1: endpoints: must be a list"},
      {"endpoints: {url: x}", "f:1: endpoints: must be a list"},
      {"discovery: {static: {endpoints: x}}", "f:1: discovery.static.endpoints: must be a list"},
      {"endpoints:\n  - http://h", "f:2: endpoints[0]: must be a mapping"},
      {"endpoints:\n  - [a]", "f:2: endpoints[0]: must be a mapping"},
      {"endpoints: [null]", "f:1: endpoints[0]: must be a mapping"},
      {"server: {port: [1]}", "f:1: server.port: must be a single integer"},
      {"server: {host: {a: b}}", "f:1: server.host: must be a single text"},
      {"server: {port: \"40114\"}", "f:1: server.port: must be a whole number, 0 to 65535"},
      {"server: {port: abc}", "f:1: server.port: must be a whole number, 0 to 65535"},
      {"server: {port: -1}", "f:1: server.port: must be a whole number, 0 to 65535"},
      {"server: {port: 80.5}", "f:1: server.port: must be a whole number, 0 to 65535"},
      {"server: {threads: 257}", "f:1: server.threads: must be a whole number, 0 to 256"},
      {"server: {host: ''}", "f:1: server.host: must not be empty"},
      {"server: {host: 'a b'}", "f:1: server.host: must be a name or an address"},
      {"server: {host: 'a/b'}", "f:1: server.host: must be a name or an address"},
      {"server: {read_timeout: true}", "f:1: server.read_timeout: must be a duration"},
      {"server: {read_timeout: -1s}", "f:1: server.read_timeout: must not be negative"},
      {"server: {read_timeout: 30}", "f:1: server.read_timeout: needs a unit"},
      {"server: {read_timeout: 30sec}", "f:1: server.read_timeout: has an unknown unit"},
      {"server: {request_limits: {max_body_size: 5XB}}",
       "f:1: server.request_limits.max_body_size: must be a size in bytes"},
      {"server: {request_limits: {max_header_size: 100}}",
       "f:1: server.request_limits.max_header_size: is out of range; allowed: 0 or 4KiB to 16MiB"},
      {"logging: {format: xml}", "f:1: logging.format: must be one of: json, text; got \"xml\""},
      {"logging: {format: 'json, text'}", "f:1: logging.format: must be one of: json, text"},
      {"logging: {level: ''}", "f:1: logging.level: must be one of"},
      {"discovery: {type: consul}", "f:1: discovery.type: must be one of: static"},
      {endpoint_with("forward_client_auth: 1"),
       "f:4: endpoints[0].forward_client_auth: must be true or false"},
  });
}

TEST(LoadTest, AKeyWithNothingBehindItIsAnErrorUnlessItHoldsOthers) {
  expect_errors({
      {"server:\n  port:\n  threads: 1\n", "f:2: server.port: has no value"},
      {"endpoints:\n  - url:\n    type: vllm\n", "f:2: endpoints[0].url: has no value"},
      {"endpoints:\n  - url: ''\n    type: vllm\n", "f:2: endpoints[0].url: must not be empty"},
      {endpoint_with("type: ~").replace(0, 0, ""), "f:4: endpoints[0].type: is there twice"},
  });
  const Loaded loaded = load_with("server:\nproxy: {}\nendpoints:\ndiscovery: {static: ~}\n");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(only_endpoint(load_with(endpoint_with("headers:"))).headers, IsEmpty());
}

TEST(LoadTest, WithoutEndpointsThereIsAWarning) {
  for (const char* yaml : {"", "# nothing\n", "server: {port: 1}", "endpoints: []"}) {
    const Loaded loaded = load_with(yaml);
    EXPECT_THAT(texts(loaded.errors), IsEmpty()) << yaml;
    EXPECT_THAT(texts(loaded.warnings),
                ElementsAre("f: endpoints: there are none: every request will be refused"));
  }
}

TEST(LoadTest, EndpointValuesAreChecked) {
  expect_errors({
      {endpoint_with("name: ' a'"), "f:4: endpoints[0].name: must be 1 to 128 visible"},
      {endpoint_with("name: 'a '"), "f:4: endpoints[0].name: must be 1 to 128 visible"},
      {endpoint_with("name: " + std::string(129, 'n')), "f:4: endpoints[0].name: must be 1 to 128"},
      {endpoint_with("name: \"a\\n\""), "f:4: endpoints[0].name: must be 1 to 128 visible"},
      {endpoint_with("name: ''"), "f:4: endpoints[0].name: must not be empty"},
      {endpoint_with("priority: -1"), "f:4: endpoints[0].priority: must be a whole number, 0 to"},
      {endpoint_with("check_interval: 50ms"),
       "f:4: endpoints[0].check_interval: is out of range; allowed: 100ms to 24h; got \"50ms\""},
      {endpoint_with("check_interval: 1s\ncheck_timeout: 2s"),
       "f:5: endpoints[0].check_timeout: must not be longer than check_interval, which is 1s"},
      {endpoint_with("check_timeout: 6s"),
       "f:4: endpoints[0].check_timeout: must not be longer than check_interval, which is 5s"},
      {endpoint_with("model_url: 'a b'"), "f:4: endpoints[0].model_url: holds a character"},
      {endpoint_with("model_url: '/a#b'"), "f:4: endpoints[0].model_url: holds a character"},
      {endpoint_with("health_check_url: https://h/"),
       "f:4: endpoints[0].health_check_url: asks for TLS"},
      {endpoint_with("health_check_url: http://u:p@h/"),
       "f:4: endpoints[0].health_check_url: must not hold a user name or password"},
      {"endpoints: [{url: 'http://h/?a=b', type: vllm}]",
       "f:1: endpoints[0].url: must not have a query"},
      {"endpoints: [{url: 'http://" + std::string(130, 'h') + "', type: vllm}]",
       "f:1: endpoints[0].name: is needed"},
  });
}

TEST(LoadTest, ReadsWhatIsForVllmAlone) {
  const Loaded loaded = load_with(
      "vllm:\n  metrics_interval: 250ms\n  translate_parameters: false\n  admin_routes:\n"
      "    - /sleep\n    - /v1/load_lora_adapter\n    - /reset_*\n" +
      endpoint_with("gpu_metrics_url: http://h:9400/metrics"));
  EXPECT_EQ(only_endpoint(loaded).gpu_metrics_url, "http://h:9400/metrics");
  EXPECT_EQ(loaded.config.vllm.metrics_interval, 250ms);
  EXPECT_FALSE(loaded.config.vllm.translate_parameters);
  EXPECT_THAT(loaded.config.vllm.admin_routes,
              ElementsAre("/sleep", "/v1/load_lora_adapter", "/reset_*"));
}

TEST(LoadTest, WhatIsForVllmAloneIsChecked) {
  expect_errors({
      {"vllm: {metrics_interval: 99ms}",
       "f:1: vllm.metrics_interval: must be 0 or at least 100ms; got 99ms"},
      {"vllm: {admin_routes: /sleep}", "f:1: vllm.admin_routes: must be a list of paths"},
      {"vllm:\n  admin_routes:\n    - sleep\n", "f:3: vllm.admin_routes: must hold paths that"},
      {"vllm: {admin_routes: ['']}", "f:1: vllm.admin_routes: must hold paths that begin with /"},
      {"vllm: {admin_routes: ['/a*b']}", "f:1: vllm.admin_routes: must hold paths"},
      {"vllm: {admin_routes: ['/a?b=c']}", "f:1: vllm.admin_routes: must hold paths"},
      {"vllm: {admin_routes: [[/a]]}", "f:1: vllm.admin_routes: must hold paths"},
      {endpoint_with("gpu_metrics_url: /metrics"), "f:4: endpoints[0].gpu_metrics_url: "},
  });
}

TEST(LoadTest, EqualIntervalAndTimeoutAreFineAndAnAbsentTimeoutGivesWay) {
  const Endpoint equal =
      only_endpoint(load_with(endpoint_with("check_interval: 1s\ncheck_timeout: 1s")));
  EXPECT_EQ(equal.check_timeout, 1s);
  const Endpoint shortened = only_endpoint(load_with(endpoint_with("check_interval: 250ms")));
  EXPECT_EQ(shortened.check_timeout, 250ms);
}

TEST(LoadTest, TwoEndpointsOfOneNameAreAnErrorThatNamesBothLines) {
  const Loaded names = load_with(
      "endpoints:\n  - {url: 'http://a', type: vllm, name: x}\n"
      "discovery:\n  static:\n    endpoints:\n      - url: http://b\n        type: vllm\n"
      "        name: x\n");
  EXPECT_THAT(texts(names.errors),
              ElementsAre("f:8: discovery.static.endpoints[0].name: \"x\" is the name of the "
                          "endpoint on line 2 too"));
}

TEST(LoadTest, OllaW19OneServerCanBeTwoEndpointsWhenTheirNamesDiffer) {
  const Loaded named = load_with(
      "endpoints:\n  - {url: 'http://a', type: vllm, name: x}\n"
      "  - {url: 'http://a', type: ollama, name: y, priority: 7}\n");
  EXPECT_THAT(texts(named.errors), IsEmpty());
  ASSERT_EQ(named.config.endpoints.size(), 2u);
  EXPECT_EQ(named.config.endpoints[1].priority, 7);
  // Never silently: what is the same in everything is a mistake.
  const Loaded nameless = load_with(
      "endpoints:\n  - {url: 'http://a', type: vllm}\n  - {url: 'HTTP://A:80/', type: vllm}\n");
  EXPECT_THAT(texts(nameless.errors),
              ElementsAre("f:3: endpoints[1].name: host and port without a name is the name of the "
                          "endpoint on line 2 too"));
}

TEST(LoadTest, TypesGiveThePathsAndOtherSpellingsWork) {
  const struct {
    const char* type;
    const char* canonical;
    const char* health;
    const char* models;
  } cases[] = {
      {"vllm", "vllm", "/health", "/v1/models"},
      {"openai", "openai-compatible", "/v1/models", "/v1/models"},
      {"dmr", "docker-model-runner", "/engines/v1/models", "/engines/v1/models"},
      {"lm_studio", "lm-studio", "/v1/models", "/api/v0/models"},
      {"lmstudio", "lm-studio", "/v1/models", "/api/v0/models"},
      {"ollama", "ollama", "/", "/api/tags"},
      {"lemonade", "lemonade", "/api/v1/health", "/api/v1/models"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.type);
    const Loaded loaded =
        load_with("endpoints: [{url: 'http://h', type: " + std::string(c.type) + "}]");
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const Endpoint endpoint = only_endpoint(loaded);
    EXPECT_EQ(endpoint.type, c.canonical);
    EXPECT_EQ(endpoint.health_check_url, c.health);
    EXPECT_EQ(endpoint.model_url, c.models);
  }
}

TEST(LoadTest, OllaW09AMissingOrAutomaticTypeIsFoundOutLater) {
  for (const char* yaml :
       {"endpoints: [{url: 'http://h'}]", "endpoints: [{url: 'http://h', type: auto}]"}) {
    const Loaded loaded = load_with(yaml);
    EXPECT_EQ(only_endpoint(loaded).type, "openai-compatible");
    EXPECT_TRUE(only_endpoint(loaded).detects_type);
    EXPECT_THAT(loaded.warnings, IsEmpty());
  }
}

TEST(LoadTest, ThePathOfAUrlGoesBeforeRelativeCheckPathsOnly) {
  const Loaded loaded = load_with(
      "endpoints:\n  - url: http://h/base/\n    type: vllm\n    model_url: models?all=1\n");
  const Endpoint endpoint = only_endpoint(loaded);
  EXPECT_EQ(endpoint.health_check_url, "/base/health");
  EXPECT_EQ(endpoint.model_url, "/base/models?all=1");
  EXPECT_THAT(texts(loaded.warnings),
              ElementsAre("f:2: endpoints[0].url: its path is used for model_url and "
                          "health_check_url only; for proxied requests too with preserve_path: "
                          "true"));
  const Endpoint absolute =
      only_endpoint(load_with("endpoints: [{url: 'http://h/base', type: vllm, health_check_url: "
                              "'http://other:1/up?x'}]"));
  EXPECT_EQ(absolute.health_check_url, "http://other:1/up?x");
}

TEST(LoadTest, PreservedPathsCostNoWarning) {
  const Loaded loaded =
      load_with("endpoints: [{url: 'http://h/base', type: vllm, preserve_path: true}]");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_TRUE(only_endpoint(loaded).preserve_path);
}

TEST(LoadTest, OllaW50UrlsAndNamesAreSubstituted) {
  const Loaded loaded = load_with(
      "endpoints: [{url: 'http://${HOST}:${PORT:-8000}', type: vllm, name: 'gpu-${HOST}'}]",
      {{"HOST", "h1"}});
  const Endpoint endpoint = only_endpoint(loaded);
  EXPECT_EQ(endpoint.url, "http://h1:8000");
  EXPECT_EQ(endpoint.address.host, "h1");
  EXPECT_EQ(endpoint.name, "gpu-h1");
  EXPECT_THAT(texts(load_with("endpoints: [{url: 'http://${NOPE}', type: vllm}]").errors),
              ElementsAre("f:1: endpoints[0].url: needs the environment variable NOPE, which is "
                          "not set"));
}

TEST(LoadTest, ANameMayHaveSpacesInIt) {
  EXPECT_EQ(only_endpoint(load_with(endpoint_with("name: 'GPU box  2'"))).name, "GPU box  2");
}

TEST(LoadTest, HeaderValuesAreSubstituted) {
  const Endpoint endpoint = only_endpoint(load_with(
      endpoint_with("headers:\n  Authorization: Bearer ${TOKEN}\n  X-Team: ${TEAM:-research}\n"
                    "  X-Empty: ${TEAM:-}\n  X-Number: 5\n  X-Tab: \"a\\tb\""),
      {{"TOKEN", "t0"}}));
  std::vector<std::string> headers;
  for (const Header& header : endpoint.headers)
    headers.push_back(header.name + "=" + header.value);
  EXPECT_THAT(headers, ElementsAre("Authorization=Bearer t0", "X-Team=research",
                                   "X-Empty=", "X-Number=5", "X-Tab=a\tb"));
}

TEST(LoadTest, HeadersAreChecked) {
  const auto with = [](const std::string& header) {
    return endpoint_with("headers:\n  " + header);
  };
  std::vector<ErrorCase> cases = {
      {endpoint_with("headers: x"), "f:4: endpoints[0].headers: must be a mapping"},
      {endpoint_with("headers: [a]"), "f:4: endpoints[0].headers: must be a mapping"},
      {with("'X Y': z"), "f:5: endpoints[0].headers.X Y: is not a header name"},
      {with("'': z"), "f:5: endpoints[0].headers.: is not a header name"},
      {with("\"X\\r\": z"), "f:5: endpoints[0].headers.X?: is not a header name"},
      {with("X-A: ''"), "f:5: endpoints[0].headers.X-A: must not be empty"},
      {with("X-A:"), "f:5: endpoints[0].headers.X-A: must not be empty"},
      {with("X-A: [a]"), "f:5: endpoints[0].headers.X-A: must be a single text"},
      {with("X-A: \"a\\r\\nb\""), "f:5: endpoints[0].headers.X-A: holds a line end"},
      {with("X-A: \"a\\0b\""), "f:5: endpoints[0].headers.X-A: holds a line end"},
      {with("X-A: \"a\\x7fb\""), "f:5: endpoints[0].headers.X-A: holds a line end"},
      {with("X-A: ${NOPE}"), "f:5: endpoints[0].headers.X-A: needs the environment variable NOPE"},
      {with("X-A: a${B"), "f:5: endpoints[0].headers.X-A: has a ${ without its }"},
      {with("X-A: " + std::string(8193, 'a')), "f:5: endpoints[0].headers.X-A: is longer than"},
      {with("X-Key: a\n  x-key: b"), "f:6: endpoints[0].headers.x-key: is there twice; header"},
      {with("X-Key: a\n  X-Key: b"), "f:6: endpoints[0].headers.X-Key: is there twice; the first"},
  };
  for (const std::string name : {"Host", "content-length", "Transfer-Encoding", "Connection",
                                 "Keep-Alive", "TE", "Trailer", "UPGRADE"}) {
    cases.push_back({with(name + ": x"), "f:5: endpoints[0].headers." + name +
                                             ": is a header that the gateway sets itself"});
  }
  std::string many = "headers:";
  for (int i = 0; i < 65; ++i)
    many += "\n  X-" + std::to_string(i) + ": y";
  cases.push_back({endpoint_with(many), "f:4: endpoints[0].headers: has more than 64 headers"});
  expect_errors(cases);
}

TEST(LoadTest, SecretsAreInNoMessage) {
  const test::Texts variables = {{"GOOD", "s3cret"}, {"BAD", "s3cret\n"}, {"LONG", ""}};
  const char* lines[] = {
      "headers: {X-A: '${BAD}'}",
      "headers: {X-A: 's3cret ${NOPE}'}",
      "headers: {X-A: 's3cret ${GOOD'}",
      "headers: {X-A: '${s3cret-x}'}",
      "headers: {X-A: ['s3cret']}",
      "headers: s3cret",
      "headers: {Host: '${GOOD}'}",
      "model_url: 'http://user:s3cret@h/'",
      "health_check_url: 's3cret#'",
      "url: 's3cret@h'",
      "name: ' ${GOOD}'",
      "name: 'a'\n- {url: 'http://g', type: vllm, name: '${GOOD}'}\n"
      "- {url: 'http://g', type: vllm, name: '${GOOD}'}",
      "auth: {type: bearer, token: s3cret}\nheaders: {X-A: '${GOOD}'}\nfoo: s3cret",
  };
  for (const char* line : lines) {
    SCOPED_TRACE(line);
    const Loaded loaded = load_with(endpoint_with(line), variables);
    EXPECT_FALSE(loaded.errors.empty());
    for (const auto* problems : {&loaded.errors, &loaded.warnings}) {
      for (const std::string& text : texts(*problems))
        EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
    }
  }
}

TEST(LoadTest, ForeignTextInMessagesIsShortAndPrintable) {
  const Loaded loaded =
      load_with("\"\\e[31mred\": 1\nlogging: {level: \"" + std::string(1000, 'x') + "\\n\"}\n");
  EXPECT_THAT(texts(loaded.errors),
              ElementsAre("f:1: ?[31mred: unknown key",
                          "f:2: logging.level: must be one of: debug, info, warn, warning, error; "
                          "got \"" +
                              std::string(40, 'x') + "...\""));
}

TEST(LoadTest, EndpointsCanShareValuesByAnchorAndMerge) {
  const Loaded loaded = load_with(
      "endpoints:\n  - &first {url: 'http://a', type: vllm, priority: 7}\n"
      "  - {<<: *first, url: 'http://b'}\n");
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  ASSERT_EQ(loaded.config.endpoints.size(), 2u);
  EXPECT_EQ(loaded.config.endpoints[1].priority, 7);
  EXPECT_EQ(loaded.config.endpoints[1].name, "b:80");
}

TEST(LoadTest, TheNumberOfProblemsAndEndpointsIsBounded) {
  std::string unknown;
  for (int i = 0; i < 5000; ++i)
    unknown += "k" + std::to_string(i) + ": 1\n";
  const Loaded loaded = load_with(unknown);
  ASSERT_EQ(loaded.errors.size(), Problems::kEachMax + 1);
  EXPECT_EQ(loaded.errors.back().message, "there are more like these, not shown");

  std::string many = "endpoints:\n";
  for (int i = 0; i < 1025; ++i)
    many += "  - {url: 'http://h:" + std::to_string(i + 1) + "', type: vllm}\n";
  EXPECT_THAT(texts(load_with(many).errors),
              ElementsAre("f:1: endpoints: has more than 1024 endpoints"));
}

TEST(LoadTest, AFileThatCannotBeReadIsAnError) {
  const auto only_error = [](const std::string& path) {
    const Loaded loaded = load_file(path, system_environment());
    return texts(loaded.errors);
  };
  const std::string here = std::string(OLLA_SOURCE_DIR) + "/src/config";
  EXPECT_THAT(only_error(here + "/no-such-file.yaml"),
              ElementsAre("f: cannot be opened: No such file or directory"));
  EXPECT_THAT(only_error(here), ElementsAre("f: is a directory, not a file"));
  EXPECT_THAT(only_error(here + "/config.h/x"),
              ElementsAre("f: cannot be opened: Not a directory"));
  EXPECT_THAT(only_error("/dev/zero"), ElementsAre("f: the file is larger than 1048576 bytes"));
}

}  // namespace
}  // namespace olla::config
