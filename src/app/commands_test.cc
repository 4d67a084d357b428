#include "app/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/config_file.h"

namespace olla::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A config file that exists for one test.
class File {
 public:
  explicit File(std::string_view text)
      : path_(testing::TempDir() + "olla_commands_test_" + std::to_string(::getpid()) + ".yaml") {
    std::ofstream(path_) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(CheckCommandTest, SaysThatAConfigIsFine) {
  const File file("endpoints:\n  - url: http://localhost:8000\n    type: vllm\n");
  testing::internal::CaptureStdout();
  const int code = check_command(file.path());
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("no errors, 0 warnings, 1 end"));
  EXPECT_EQ(code, 0);
}

TEST(CheckCommandTest, PrintsEveryErrorWithItsLine) {
  const File file("servr: {}\nendpoints:\n  - url: ftp://x\n    type: vllm\n");
  testing::internal::CaptureStderr();
  const int code = check_command(file.path());
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, 2);
  EXPECT_THAT(printed, HasSubstr("error: " + file.path() + ":1"));
  EXPECT_THAT(printed, HasSubstr("error: " + file.path() + ":3"));
}

TEST(ServeCommandTest, DoesNotStartWithAWrongConfig) {
  const File file("endpoints: 7\n");
  testing::internal::CaptureStderr();
  const int code = serve_command(file.path());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("error: "));
  EXPECT_EQ(code, 2);
}

TEST(ServeCommandTest, DoesNotStartWithoutTheFileItWasGiven) {
  testing::internal::CaptureStderr();
  const int code = serve_command("/nowhere/olla.yaml");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("/nowhere/olla.yaml"));
  EXPECT_EQ(code, 2);
}

TEST(ConfigFileTest, TheFileIsTheOneThatAVariableNames) {
  const auto find = [](const char* name) {
    return find_config_file([name](const std::string& variable) -> std::optional<std::string> {
      if (variable == "OLLA_CONFIG_FILE") return name;
      return std::nullopt;
    });
  };
  EXPECT_EQ(find("/nowhere/olla.yaml"), "/nowhere/olla.yaml");
  EXPECT_EQ(find(""), std::nullopt);  // No file of this name is in the working directory of tests.
}

TEST(ConfigFileTest, WithoutAFileThereIsVllmWhereItServes) {
  const auto env = [](const std::string& variable) -> std::optional<std::string> {
    if (variable == "OLLA_SERVER_PORT") return "1234";
    return std::nullopt;
  };
  const ChosenConfig chosen = choose_config(std::nullopt, env, {"OLLA_SERVER_PORT"});
  EXPECT_EQ(chosen.file, "");
  EXPECT_TRUE(chosen.loaded.errors.empty());
  EXPECT_TRUE(chosen.loaded.warnings.empty());
  ASSERT_EQ(chosen.loaded.config.endpoints.size(), 1u);
  EXPECT_EQ(chosen.loaded.config.endpoints[0].url, "http://localhost:8000");
  EXPECT_EQ(chosen.loaded.config.endpoints[0].health_check_url, "/health");
  EXPECT_EQ(chosen.loaded.config.server.port, 1234);
}

TEST(ConfigFileTest, AVariableIsUnknownOnlyWhereTheFileWasRead) {
  const auto env = [](const std::string& variable) -> std::optional<std::string> {
    if (variable == "OLLA_SERVER_PORT" || variable == "OLLA_NOBODYS") return "1";
    return std::nullopt;
  };
  const std::vector<std::string> set = {"OLLA_NOBODYS", "OLLA_SERVER_PORT"};
  const std::string broken = testing::TempDir() + "olla_broken.yaml";
  std::ofstream(broken) << "endpoints: [";
  for (const std::string& file : {broken, std::string("/nowhere/olla.yaml")}) {
    const ChosenConfig chosen = choose_config(file, env, set);
    EXPECT_FALSE(chosen.loaded.errors.empty()) << file;
    EXPECT_TRUE(chosen.loaded.warnings.empty()) << file;
  }
  std::filesystem::remove(broken);
  const ChosenConfig chosen = choose_config(std::nullopt, env, set);
  ASSERT_EQ(chosen.loaded.warnings.size(), 1u);
  EXPECT_EQ(chosen.loaded.warnings[0].path, "$OLLA_NOBODYS");
}

TEST(ServeCommandTest, AnEmptyNameIsAFileThatDoesNotExist) {
  testing::internal::CaptureStderr();
  const int code = serve_command("");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), StartsWith("error: \"\": cannot be opened"));
  EXPECT_EQ(code, 2);
}

}  // namespace
}  // namespace olla::app
