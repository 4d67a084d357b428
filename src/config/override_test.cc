#include "config/override.h"

#include <set>

#include "config/schema.h"
#include "test/loaded.h"

namespace olla::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;
using test::load_with;
using test::texts;

// So that there is no warning that there are no endpoints.
constexpr char kEndpoint[] = "endpoints: [{url: 'http://h', type: vllm}]\n";

TEST(OverrideTest, EveryVariableStandsForAKeyOfTheFile) {
  std::set<std::string_view> variables;
  for (const Override& from : overrides()) {
    EXPECT_NE(find_key(from.path), nullptr) << from.path;
    EXPECT_TRUE(variables.insert(from.variable).second) << from.variable;
  }
  for (const IgnoredVariable& ignored : ignored_variables())
    EXPECT_TRUE(variables.insert(ignored.variable).second) << ignored.variable;
}

TEST(OverrideTest, VariablesWinOverTheFile) {
  const std::string yaml = std::string(kEndpoint) + "server: {port: 1, host: a}\n";
  const Loaded loaded = load_with(yaml, {{"OLLA_SERVER_PORT", "2"},
                                         {"OLLA_SERVER_MAX_BODY_SIZE", "50MB"},
                                         {"OLLA_SERVER_TRUSTED_PROXY_CIDRS", "10.0.0.0/8, ::1 ,"},
                                         {"OLLA_PROXY_LOAD_BALANCER", "priority"},
                                         {"OLLA_PROXY_STICKY_SESSIONS_ENABLED", "1"},
                                         {"OLLA_SERVER_READ_TIMEOUT", "7s"},
                                         {"OLLA_MODEL_UNIFIER_ENABLED", "F"}});
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings), IsEmpty());
  EXPECT_EQ(loaded.config.server.port, 2);
  EXPECT_EQ(loaded.config.server.host, "a");
  EXPECT_EQ(loaded.config.server.request_limits.max_body_size, 50u << 20);
  EXPECT_THAT(loaded.config.server.rate_limits.trusted_proxy_cidrs,
              ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_EQ(loaded.config.proxy.load_balancer, LoadBalancer::kPriority);
  EXPECT_TRUE(loaded.config.proxy.sticky_sessions.enabled);
  EXPECT_EQ(loaded.config.server.read_timeout, 7s);
  EXPECT_FALSE(loaded.config.model_registry.enable_unifier);
}

TEST(OverrideTest, AnEmptyVariableIsNone) {
  EXPECT_EQ(load_with(kEndpoint, {{"OLLA_SERVER_PORT", ""}}).config.server.port, 40114);
}

TEST(OverrideTest, TheLogHasVariablesOfItsOwn) {
  const Loaded loaded = load_with(kEndpoint, {{"OLLA_FILE_OUTPUT", "true"},
                                              {"OLLA_LOG_DIR", "/var/log/olla"},
                                              {"OLLA_LOG_SIZE_MB", "3"},
                                              {"OLLA_LOG_MAX_BACKUPS", "2"},
                                              {"OLLA_LOG_LEVEL", "debug"},
                                              {"OLLA_PRETTY_LOGS", "true"}});
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  const Logging& logging = loaded.config.logging;
  EXPECT_EQ(logging.output, LogOutput::kFile);
  EXPECT_EQ(logging.directory, "/var/log/olla");
  EXPECT_EQ(logging.file_bytes_max, 3u << 20);
  EXPECT_EQ(logging.files_kept, 2u);
  EXPECT_EQ(logging.level, LogLevel::kDebug);
  EXPECT_EQ(logging.format, LogFormat::kText);
  const Loaded both = load_with(
      kEndpoint,
      {{"OLLA_LOG_LEVEL", "debug"}, {"OLLA_LOGGING_LEVEL", "error"}, {"OLLA_FILE_OUTPUT", "0"}});
  EXPECT_EQ(both.config.logging.level, LogLevel::kError);
  EXPECT_EQ(both.config.logging.output, LogOutput::kStdout);
}

TEST(OverrideTest, AWrongValueIsAnErrorThatNamesTheVariable) {
  const std::pair<test::Texts, const char*> cases[] = {
      {{{"OLLA_SERVER_PORT", "70000"}},
       "$OLLA_SERVER_PORT: must be a whole number, 0 to 65535; got \"70000\""},
      {{{"OLLA_SERVER_READ_TIMEOUT", "30"}}, "$OLLA_SERVER_READ_TIMEOUT: needs a unit"},
      {{{"OLLA_SERVER_HOST", "a b"}}, "$OLLA_SERVER_HOST: must be a name or an address"},
      {{{"OLLA_SERVER_TRUSTED_PROXY_CIDRS", "x"}},
       "$OLLA_SERVER_TRUSTED_PROXY_CIDRS: must hold networks"},
      {{{"OLLA_SERVER_CORS_ENABLED", "maybe"}},
       "$OLLA_SERVER_CORS_ENABLED: must be true or false; got \"maybe\""},
      {{{"OLLA_PROXY_ENGINE", "nginx"}}, "$OLLA_PROXY_ENGINE: must be one of: olla, sherpa"},
      {{{"OLLA_FILE_OUTPUT", "yess"}}, "$OLLA_FILE_OUTPUT: must be true or false; got \"yess\""},
      {{{"OLLA_LOG_SIZE_MB", "big"}}, "$OLLA_LOG_SIZE_MB: must be a size"},
      {{{"OLLA_LOGGING_LEVEL", "loud"}}, "$OLLA_LOGGING_LEVEL: must be one of: debug"},
  };
  for (const auto& [variables, expected] : cases)
    EXPECT_THAT(texts(load_with(kEndpoint, variables).errors), ElementsAre(StartsWith(expected)));
}

TEST(OverrideTest, VariablesDoNotHideWhatIsWrongWithTheFile) {
  EXPECT_THAT(texts(load_with("server: 5", {{"OLLA_SERVER_PORT", "2"}}).errors),
              ElementsAre(StartsWith("f:1: server: must be a mapping")));
  EXPECT_THAT(texts(load_with("- a", {{"OLLA_SERVER_PORT", "2"}}).errors),
              ElementsAre(StartsWith("f:1: must be a mapping")));
  EXPECT_EQ(load_with("server:\n", {{"OLLA_SERVER_PORT", "2"}}).config.server.port, 2);
  EXPECT_EQ(load_with("", {{"OLLA_SERVER_PORT", "2"}}).config.server.port, 2);
}

TEST(OverrideTest, OllaW46VariablesWithoutAnEffectSayWhyNot) {
  const Loaded loaded = load_with(kEndpoint, {{"OLLA_ENABLE_PROFILER", "true"},
                                              {"OLLA_LOG_MAX_AGE_DAYS", "3"},
                                              {"OLLA_SERVER_WRITE_TIMEOUT", "30s"},
                                              {"OLLA_FORCE_COLORS", "false"}});
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(
      texts(loaded.warnings),
      testing::UnorderedElementsAre(
          "$OLLA_ENABLE_PROFILER: has no effect here: there is no profiler",
          "$OLLA_LOG_MAX_AGE_DAYS: has no effect here: old files of the log go by their number "
          "alone",
          StartsWith("$OLLA_SERVER_WRITE_TIMEOUT: has no effect here: it would cut long streams")));
}

TEST(OverrideTest, WhatKubernetesSetsForAServiceIsNoPort) {
  const Loaded loaded =
      load_with(kEndpoint, {{"OLLA_SERVER_PORT", "tcp://10.0.0.1:40114"}, {"OLLA_PORT", "1"}});
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_EQ(loaded.config.server.port, 40114);
  EXPECT_THAT(texts(loaded.warnings),
              ElementsAre(StartsWith("$OLLA_SERVER_PORT: is ignored: \"tcp://10.0.0.1:40114\" is "
                                     "what Kubernetes sets for a Service")));
}

TEST(OverrideTest, OllaW45VariablesThatNobodyKnowsAreTold) {
  const auto env = [](const std::string& name) -> std::optional<std::string> {
    return name == "OLLA_X_PORT" ? "tcp://10.0.0.1:1" : "1";
  };
  const std::vector<Problem> found = unknown_variables(
      {"OLLA_A", "OLLA_PROXY_ENGNIE", "OLLA_SERVICE_HOST", "OLLA_X_PORT"}, {"OLLA_A"}, env);
  EXPECT_THAT(texts(found), ElementsAre("$OLLA_PROXY_ENGNIE: is not known, and has no effect"));
}

}  // namespace
}  // namespace olla::config
