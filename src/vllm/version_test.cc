#include "vllm/version.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace olla::vllm {
namespace {

struct Case {
  std::string_view text;
  Version expected;
};

TEST(VersionTest, ReadsWhatServersCallThemselves) {
  const std::vector<Case> cases = {
      {"0.32.0", {.major = 0, .minor = 32, .patch = 0}},
      {"v0.6.3", {.major = 0, .minor = 6, .patch = 3}},
      {"0.6", {.major = 0, .minor = 6}},
      {"0.11.0.post2", {.minor = 11, .phase = Phase::kPost, .phase_number = 2}},
      {"0.6.3.post1+cu118", {.minor = 6, .patch = 3, .phase = Phase::kPost, .phase_number = 1}},
      {"0.12.0+cpu", {.minor = 12}},
      {"0.11.1rc3", {.minor = 11, .patch = 1, .phase = Phase::kCandidate, .phase_number = 3}},
      {"0.11.1rc3.dev40+g1f2e3d4",
       {.minor = 11, .patch = 1, .phase = Phase::kCandidate, .phase_number = 3}},
      {"0.8.5.dev12+gabc",
       {.minor = 8, .patch = 5, .phase = Phase::kDevelopment, .phase_number = 12}},
      {"1.0.0a1", {.major = 1, .phase = Phase::kCandidate, .phase_number = 1}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto version = parse_version(c.text);
    ASSERT_TRUE(version.has_value());
    EXPECT_EQ(*version, c.expected);
  }
}

TEST(VersionTest, DoesNotKnowWhatIsNoVersion) {
  for (const std::string_view text :
       {"", "dev", "v", "12", "0.", ".1", "0.x", "0.1.2.3", "0.6.3foo", "0.6.3 ", " 0.6.3",
        "-1.0.0", "99999999999.0.0", "0.99999999999", "0.1.dev1+gabc", "0.1.0.dev7"}) {
    EXPECT_FALSE(parse_version(text).has_value()) << text;
  }
}

TEST(VersionTest, OrdersAsPythonDoes) {
  const std::vector<std::string> rising = {
      "0.6.3",  "0.8.5.dev12+gabc", "0.8.5rc1",     "0.8.5rc2", "0.8.5",  "0.8.5.post1",
      "0.10.0", "0.11.0",           "0.11.0.post2", "0.11.1",   "0.32.0", "1.0.0"};
  for (std::size_t i = 1; i < rising.size(); ++i)
    EXPECT_LT(*parse_version(rising[i - 1]), *parse_version(rising[i])) << rising[i];
  EXPECT_LT(*parse_version("1.0.0"), kNewestVersion);
}

TEST(VersionTest, CountsACandidateAsTheReleaseThatItLedTo) {
  constexpr Version kSince = {.minor = 12};
  EXPECT_TRUE(parse_version("0.12.0")->is_at_least(kSince));
  EXPECT_TRUE(parse_version("0.12.0rc1")->is_at_least(kSince));
  EXPECT_TRUE(parse_version("0.12.0.dev3")->is_at_least(kSince));
  EXPECT_TRUE(parse_version("1.0.0")->is_at_least(kSince));
  EXPECT_FALSE(parse_version("0.11.9.post3")->is_at_least(kSince));
  EXPECT_TRUE(kNewestVersion.is_at_least(kSince));
}

TEST(VersionTest, ComesOutOfTheDocument) {
  EXPECT_EQ(version_text(R"({"version":"0.32.0"})"), "0.32.0");
  EXPECT_EQ(version_text(R"( {"a": 1, "version" : "0.9.1", "b": {}} )"), "0.9.1");
  for (const std::string_view json : {"", "[]", "{}", R"({"version":32})", R"({"version":"0.32.0")",
                                      R"({"version":"\x"})", R"("0.32.0")"}) {
    EXPECT_FALSE(version_text(json).has_value()) << json;
  }
}

}  // namespace
}  // namespace olla::vllm
