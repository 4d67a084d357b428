#include "config/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

namespace olla::config {
namespace {

std::optional<std::string> environment(const std::string& name) {
  if (name == "KEY") return "k1";
  if (name == "EMPTY") return "";
  if (name == "_x9") return "odd";
  if (name == "NESTED") return "${KEY}";
  return std::nullopt;
}

TEST(EnvironmentTest, SubstitutesVariables) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"${KEY}", "k1"},
      {"Bearer ${KEY}", "Bearer k1"},
      {"${KEY}${KEY}/${_x9}", "k1k1/odd"},
      {"${EMPTY}", ""},
      {"${KEY:-other}", "k1"},
      {"${EMPTY:-other}", "other"},
      {"${UNSET:-other}", "other"},
      {"${UNSET:-}", ""},
      {"${UNSET:-a:-b$c{d}e", "a:-b$c{de"},
      {"$KEY $ {KEY} 5$", "$KEY $ {KEY} 5$"},
      {"${NESTED}", "${KEY}"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto value = substitute(c.text, environment);
    ASSERT_TRUE(value) << value.error().detail;
    EXPECT_EQ(*value, c.expected);
  }
}

TEST(EnvironmentTest, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* detail;
  } cases[] = {
      {"${UNSET}", "needs the environment variable UNSET, which is not set"},
      {"x ${KEY", "has a ${ without its }"},
      {"${", "has a ${ without its }"},
      {"${}", "no variable name"},
      {"${:-x}", "no variable name"},
      {"${9A}", "no variable name"},
      {"${A B}", "no variable name"},
      {"${A-b}", "no variable name"},
      {"${KEY:-${KEY}}", "inside the default of ${KEY}"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto value = substitute(c.text, environment);
    ASSERT_FALSE(value);
    EXPECT_NE(value.error().detail.find(c.detail), std::string::npos) << value.error().detail;
  }
}

TEST(EnvironmentTest, TextThatIsNoNameIsNotShown) {
  EXPECT_EQ(substitute("${sk-123456}", environment).error().detail.find("123456"),
            std::string::npos);
}

TEST(EnvironmentTest, TheSystemsEnvironmentIsReadByName) {
  const Environment env = system_environment();
  EXPECT_TRUE(env("PATH"));
  EXPECT_EQ(env("OLLA_TEST_SURELY_UNSET"), std::nullopt);
}

TEST(EnvironmentTest, TellsTheVariablesOfThisProcess) {
  ::setenv("OLLA_TEST_VARIABLES_B", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  ::setenv("OLLA_TEST_VARIABLES_A", "=", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(system_variables("OLLA_TEST_VARIABLES_"),
            (std::vector<std::string>{"OLLA_TEST_VARIABLES_A", "OLLA_TEST_VARIABLES_B"}));
}

TEST(EnvironmentTest, KnowsTheVariablesOfKubernetes) {
  const std::pair<const char*, const char*> of_kubernetes[] = {
      {"OLLA_SERVICE_HOST", "10.0.0.1"},
      {"OLLA_SERVICE_PORT", "40114"},
      {"OLLA_SERVICE_PORT_HTTP", "40114"},
      {"OLLA_PORT", "tcp://10.0.0.1:40114"},
      {"OLLA_DNS_PORT", "udp://10.0.0.1:53"},
      {"OLLA_PORT_40114_TCP", "tcp://10.0.0.1:40114"},
      {"OLLA_PORT_40114_TCP_PROTO", "tcp"},
      {"OLLA_PORT_40114_TCP_PORT", "40114"},
      {"OLLA_SERVER_PORT_53_UDP_ADDR", "10.0.0.1"},
  };
  for (const auto& [name, value] : of_kubernetes)
    EXPECT_TRUE(is_of_kubernetes(name, value)) << name;
  const std::pair<const char*, const char*> others[] = {
      {"OLLA_PORT", "40114"},     {"OLLA_SERVER_PORT", "40114"}, {"OLLA_PORT_X_TCP", "1"},
      {"OLLA_PORT_1_TCP_X", "1"}, {"OLLA_HOST", "tcp://h:1"},    {"OLLA_PORT_1", "1"},
  };
  for (const auto& [name, value] : others)
    EXPECT_FALSE(is_of_kubernetes(name, value)) << name;
  EXPECT_TRUE(is_service_address("OLLA_SERVER_PORT", "tcp://10.0.0.1:40114"));
  EXPECT_FALSE(is_service_address("OLLA_SERVER_HOST", "tcp://10.0.0.1:40114"));
}

}  // namespace
}  // namespace olla::config
