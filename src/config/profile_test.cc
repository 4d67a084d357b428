#include "config/profile.h"

#include <gtest/gtest.h>

#include <set>

namespace olla::config {
namespace {

TEST(ProfileTest, KnowsTypesByNameAndPrefixInAnySpelling) {
  const Profiles& profiles = *builtin_profiles();
  const struct {
    const char* type;
    const char* name;
  } cases[] = {
      {"vllm", "vllm"},
      {"VLLM", "vllm"},
      {"vllm_mlx", "vllm-mlx"},
      {"docker-model-runner", "docker-model-runner"},
      {"dmr", "docker-model-runner"},
      {"lmstudio", "lm-studio"},
      {"lm_studio", "lm-studio"},
      {"LM-Studio", "lm-studio"},
      {"openai", "openai-compatible"},
      {"openai_compatible", "openai-compatible"},
  };
  for (const auto& c : cases) {
    const Profile* profile = profiles.of_type(c.type);
    ASSERT_NE(profile, nullptr) << c.type;
    EXPECT_EQ(profile->name, c.name);
  }
  for (const char* type : {"", " ", "auto", "vllm ", "llama-cpp", "proxy"})
    EXPECT_EQ(profiles.of_type(type), nullptr) << type;
}

TEST(ProfileTest, PrefixesAreComparedExactly) {
  const Profiles& profiles = *builtin_profiles();
  ASSERT_NE(profiles.of_prefix("dmr"), nullptr);
  EXPECT_EQ(profiles.of_prefix("dmr")->name, "docker-model-runner");
  for (const char* prefix : {"", "DMR", "docker-model-runner", "vllm_mlx", "llama-cpp", "proxy"})
    EXPECT_EQ(profiles.of_prefix(prefix), nullptr) << prefix;
}

TEST(ProfileTest, TheTableIsSound) {
  std::set<std::string> names;
  std::set<std::string> prefixes;
  for (const Profile& profile : builtin_profiles()->all()) {
    SCOPED_TRACE(profile.name);
    EXPECT_TRUE(names.insert(profile.name).second);
    EXPECT_FALSE(profile.prefixes.empty());
    for (const std::string& prefix : profile.prefixes)
      EXPECT_TRUE(prefixes.insert(prefix).second) << prefix;
    EXPECT_TRUE(profile.openai_compatible);
    EXPECT_TRUE(profile.health_check_path.starts_with('/'));
    EXPECT_TRUE(profile.models_path.starts_with('/'));
    for (const auto* paths : {&profile.paths, &profile.management_paths})
      for (const std::string& path : *paths)
        EXPECT_TRUE(path.starts_with('/')) << path;
    std::set<std::string> known(profile.paths.begin(), profile.paths.end());
    EXPECT_EQ(known.size(), profile.paths.size());
    EXPECT_TRUE(profile.models_path == "/v1/models" || known.contains(profile.models_path));
    EXPECT_TRUE(profile.messages_path.empty() || known.contains(profile.messages_path));
  }
  EXPECT_EQ(names.size(), 12u);
}

TEST(ProfileTest, KnowsWhoHasAPath) {
  const auto names = [](std::string_view path) {
    std::string all;
    for (const Profile* profile : builtin_profiles()->with_path(path))
      all += profile->name + " ";
    return all;
  };
  EXPECT_EQ(names("/api/chat"), "ollama ");
  EXPECT_EQ(names("/generate"), "sglang lmdeploy ");
  EXPECT_EQ(names("/nowhere"), "");
}

TEST(ProfileTest, ListsNamesAndPrefixes) {
  const Profiles profiles(
      {{"openai-compatible", {"openai", "open"}, "/", "/"}, {"b", {"c"}, "/", "/"}});
  EXPECT_EQ(profiles.names(), "openai-compatible, b");
  EXPECT_EQ(profiles.prefixes(), "openai, open, c");
  EXPECT_EQ(&profiles.openai_compatible(), profiles.all().data());
}

}  // namespace
}  // namespace olla::config
