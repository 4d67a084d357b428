#include "log/logger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "log/sink.h"

namespace olla::log {
namespace {

using testing::HasSubstr;

/// A folder that exists for one test.
class Folder {
 public:
  Folder() : path_(testing::TempDir() + "olla_logger_test_" + std::to_string(::getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

config::Logging to_file(const Folder& folder) {
  config::Logging settings;
  settings.output = config::LogOutput::kFile;
  settings.directory = folder.path("logs");  // Made by the logger.
  return settings;
}

TEST(LoggerTest, WritesToAFileWithoutAnyOfItOnStandardOutput) {
  const Folder folder;
  testing::internal::CaptureStdout();
  {
    Logger logger(to_file(folder));
    logger.info("hello", {{"number", std::int64_t{7}}});
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_THAT(folder.text("logs/olla.log"), HasSubstr(R"("msg":"hello","number":7})"));
  EXPECT_EQ(folder.text("logs/olla.log").back(), '\n');
}

TEST(LoggerTest, AppendsToTheFileOfAnEarlierRun) {
  const Folder folder;
  for (const char* message : {"first", "second"})
    Logger(to_file(folder)).info(message);
  EXPECT_THAT(folder.text("logs/olla.log"), testing::ContainsRegex("first(.|\n)*second"));
}

TEST(LoggerTest, AFullFileIsRenamedAndTheOldestGoes) {
  const Folder folder;
  config::Logging settings = to_file(folder);
  settings.file_bytes_max = 4096;
  settings.files_kept = 2;
  const std::string filler(1000, 'x');
  {
    Logger logger(settings);
    for (int i = 0; i < 30; ++i)
      logger.info("line", {{"filler", std::string_view(filler)}});
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("logs"))) {
    ++files;
    EXPECT_LE(entry.file_size(), settings.file_bytes_max);
    EXPECT_GT(entry.file_size(), 0u);
  }
  EXPECT_EQ(files, 3u);
  EXPECT_THAT(folder.text("logs/olla.1.log"), HasSubstr("line"));
  EXPECT_THAT(folder.text("logs/olla.2.log"), HasSubstr("line"));
}

TEST(LoggerTest, AFileThatCannotBeExchangedComesBackWithItsFolder) {
  const Folder folder;
  config::Logging settings = to_file(folder);
  settings.file_bytes_max = 4096;
  settings.files_kept = 2;
  const std::string filler(3000, 'x');
  const auto sink = make_sink(settings);
  sink(filler + "\n");
  std::filesystem::remove_all(settings.directory);
  std::ofstream(settings.directory) << "a file where a folder should be";
  EXPECT_ANY_THROW(sink(filler + "\n"));
  EXPECT_ANY_THROW(sink("a line that would fit\n"));
  EXPECT_ANY_THROW(sink(filler + "\n"));
  std::filesystem::remove(settings.directory);
  std::filesystem::create_directory(settings.directory);
  sink("lines again\n");
  sink("and again\n");
  EXPECT_EQ(folder.text("logs/olla.log"), "lines again\nand again\n");
}

TEST(LoggerTest, AFileThatCannotBeOpenedIsAnException) {
  const Folder folder;
  config::Logging settings = to_file(folder);
  std::ofstream(settings.directory) << "a file where a folder should be";
  EXPECT_ANY_THROW(Logger{settings});
}

}  // namespace
}  // namespace olla::log
