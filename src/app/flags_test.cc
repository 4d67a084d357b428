#include "app/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace olla::app {
namespace {

using testing::ElementsAre;

TEST(FlagsTest, OllasFlagsWorkWithOneDashAndWithTwo) {
  EXPECT_THAT(normal_arguments({"-config", "f"}), ElementsAre("--config", "f"));
  EXPECT_THAT(normal_arguments({"--config", "f"}), ElementsAre("--config", "f"));
  EXPECT_THAT(normal_arguments({"-config=f=g"}), ElementsAre("--config=f=g"));
  EXPECT_THAT(normal_arguments({"-c", "f"}), ElementsAre("-c", "f"));
  EXPECT_THAT(normal_arguments({"--c", "f"}), ElementsAre("--config", "f"));
  EXPECT_THAT(normal_arguments({"-c=f"}), ElementsAre("--config=f"));
  EXPECT_THAT(normal_arguments({"-version"}), ElementsAre("--version"));
  EXPECT_THAT(normal_arguments({"-validate-config", "-profile"}),
              ElementsAre("--validate-config", "--profile"));
}

TEST(FlagsTest, SeveralLettersBehindOneDashAreOneFlag) {
  for (const char* argument : {"-cf", "-configuration", "-versio", "-vc"}) {
    EXPECT_THAT(normal_arguments({argument}), ElementsAre("-" + std::string(argument)));
  }
}

TEST(FlagsTest, WhateverElseThereIsStays) {
  for (const char* argument :
       {"-v", "-h", "--", "-", "", "config", "--port", "c=f", "--configuration"}) {
    EXPECT_THAT(normal_arguments({argument}), ElementsAre(argument));
  }
  EXPECT_THAT(normal_arguments({"--", "-config"}), ElementsAre("--", "-config"));
}

}  // namespace
}  // namespace olla::app
