#include "config/profile_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/loaded.h"

namespace olla::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Read {
  std::shared_ptr<const Profiles> profiles;
  std::vector<std::string> errors;
};

Read read(const std::vector<std::string>& texts) {
  std::vector<ProfileFile> files;
  for (const std::string& text : texts)
    files.push_back({"p" + std::to_string(files.size()) + ".yaml", text});
  std::vector<Problem> errors;
  Read out;
  out.profiles = read_profiles(files, errors);
  out.errors = test::texts(errors);
  return out;
}

TEST(ProfileFileTest, WithoutFilesTheBuiltInProfilesAreAll) {
  EXPECT_EQ(read({}).profiles, builtin_profiles());
}

TEST(ProfileFileTest, ANewKindOfServerIsOneMore) {
  const Read out = read({R"(
name: my-server
version: "1.0"
display_name: whatever Olla has here
routing:
  prefixes: [my-server, mine]
api:
  openai_compatible: false
  paths: [/v1/chat/completions, /x]
  management_paths: [/admin/*]
  model_discovery_path: /list
  health_check_path: /healthz
  anthropic_support: {enabled: true, messages_path: /a/messages, limitations: [x]}
request:
  response_format: ollama
)"});
  EXPECT_THAT(out.errors, IsEmpty());
  EXPECT_EQ(out.profiles->all().size(), 13u);
  const Profile* profile = out.profiles->of_prefix("mine");
  ASSERT_NE(profile, nullptr);
  EXPECT_EQ(profile, out.profiles->of_type("my_server"));
  EXPECT_EQ(profile->name, "my-server");
  EXPECT_FALSE(profile->openai_compatible);
  EXPECT_EQ(profile->health_check_path, "/healthz");
  EXPECT_EQ(profile->models_path, "/list");
  EXPECT_EQ(profile->messages_path, "/a/messages");
  EXPECT_EQ(profile->model_list, ModelListFormat::kOllama);
  EXPECT_THAT(profile->paths, ElementsAre("/v1/chat/completions", "/x"));
  EXPECT_THAT(profile->management_paths, ElementsAre("/admin/*"));
}

TEST(ProfileFileTest, ANameIsEnough) {
  const Read out = read({"name: mine"});
  EXPECT_THAT(out.errors, IsEmpty());
  const Profile* profile = out.profiles->of_prefix("mine");
  ASSERT_NE(profile, nullptr);
  EXPECT_EQ(profile->models_path, "/v1/models");
  EXPECT_EQ(profile->messages_path, "");
}

TEST(ProfileFileTest, OneOfTheSameNameReplacesWhatItSays) {
  const Read out =
      read({"name: ollama\napi:\n  health_check_path: /up\n"
            "  anthropic_support: {enabled: false}\n"});
  EXPECT_THAT(out.errors, IsEmpty());
  EXPECT_EQ(out.profiles->all().size(), 12u);
  const Profile* profile = out.profiles->of_prefix("ollama");
  ASSERT_NE(profile, nullptr);
  EXPECT_EQ(profile->health_check_path, "/up");
  EXPECT_EQ(profile->models_path, "/api/tags");
  EXPECT_EQ(profile->messages_path, "");
  EXPECT_FALSE(profile->management_paths.empty());
}

TEST(ProfileFileTest, WhatIsWrongIsSaidWithFileAndLine) {
  const struct {
    std::vector<std::string> files;
    const char* error;
  } cases[] = {
      {{"{"}, "p0.yaml:"},
      {{"- a"}, "p0.yaml:1: must be a mapping"},
      {{"routing: {}"}, "p0.yaml:1: name: must be"},
      {{"name: a b"}, "p0.yaml:1: name: must be"},
      {{"name: [a]"}, "p0.yaml:1: name: must be a text"},
      {{"name: a\nrouting: 7"}, "p0.yaml:2: routing: must be a mapping"},
      {{"name: a\nrouting:\n  prefixes: x"}, "p0.yaml:3: routing.prefixes: must be a list"},
      {{"name: a\nrouting:\n  prefixes: [proxy]"},
       "p0.yaml:3: routing.prefixes: cannot hold \"proxy\""},
      {{"name: a\nrouting:\n  prefixes: [a/b]"}, "p0.yaml:3: routing.prefixes: cannot hold"},
      {{"name: a\nrouting:\n  prefixes: [vllm]"},
       "p0.yaml: routing.prefixes: \"vllm\" belongs to the profile vllm"},
      {{"name: a\napi:\n  health_check_path: up"},
       "p0.yaml:3: api.health_check_path: must begin with /"},
      {{"name: a\napi:\n  paths: [/a, b]"}, "p0.yaml:3: api.paths: must begin with /"},
      {{"name: a\napi:\n  openai_compatible: maybe"},
       "p0.yaml:3: api.openai_compatible: must be true or false"},
      {{"name: a", "name: a"}, "p1.yaml: name: \"a\" is the name of another"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.files.back());
    const Read out = read(c.files);
    ASSERT_FALSE(out.errors.empty());
    EXPECT_THAT(out.errors.front(), StartsWith(c.error));
  }
}

TEST(ProfileFileTest, EndpointsMayBeOfItsType) {
  std::optional<std::string> asked;
  const auto files = [&](const std::optional<std::string>& folder) {
    asked = folder;
    return Result<std::vector<ProfileFile>>(
        std::vector<ProfileFile>{{"p.yaml", "name: mine\napi: {health_check_path: /up}"}});
  };
  const auto none = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const auto no_secret = [](const std::string&) -> Result<std::string> { return std::string(); };
  const Loaded loaded = load("profiles_dir: more\nendpoints: [{url: 'http://h', type: MINE}]", none,
                             no_secret, files);
  EXPECT_EQ(asked, "more");
  EXPECT_EQ(test::only_endpoint(loaded).type, "mine");
  EXPECT_EQ(test::only_endpoint(loaded).health_check_url, "/up");
  const auto broken = [](const std::optional<std::string>&) {
    return Result<std::vector<ProfileFile>>(
        Error{Errc::kMalformed, Side::kGateway, "cannot be read: why"});
  };
  const Loaded failed = load("\nprofiles_dir: x", none, no_secret, broken);
  EXPECT_THAT(test::texts(failed.errors), ElementsAre("f:2: profiles_dir: cannot be read: why"));
}

TEST(ProfileFileTest, AFolderThatIsNotThereIsAnErrorOnlyWhenItIsNamed) {
  const ProfileFiles files = system_profile_files("/nonexistent/olla.yaml");
  EXPECT_TRUE(files(std::nullopt));
  const auto named = files("more");
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().detail, HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace olla::config
