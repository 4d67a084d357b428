#include "fleet/response_owners.h"

#include <gtest/gtest.h>

#include <thread>

namespace olla::fleet {
namespace {

TEST(ResponseOwnersTest, FindsWhoKeepsAnAnswer) {
  ResponseOwners owners;
  EXPECT_EQ(owners.find("resp_1"), std::nullopt);
  owners.remember("resp_1", EndpointId(3));
  owners.remember("resp_2", EndpointId(4));
  owners.remember("resp_1", EndpointId(5));
  EXPECT_EQ(owners.find("resp_1"), EndpointId(5));
  EXPECT_EQ(owners.find("resp_2"), EndpointId(4));
  EXPECT_EQ(owners.find(""), std::nullopt);
}

TEST(ResponseOwnersTest, ForgetsTheOldestAndTakesNoHugeIds) {
  ResponseOwners owners;
  for (std::size_t i = 0; i <= ResponseOwners::kMax; ++i)
    owners.remember("resp_" + std::to_string(i), EndpointId(0));
  EXPECT_EQ(owners.find("resp_0"), std::nullopt);
  EXPECT_TRUE(owners.find("resp_1"));
  EXPECT_TRUE(owners.find("resp_" + std::to_string(ResponseOwners::kMax)));
  const std::string huge(ResponseOwners::kIdBytesMax + 1, 'x');
  owners.remember(huge, EndpointId(0));
  EXPECT_EQ(owners.find(huge), std::nullopt);
}

TEST(ResponseOwnersTest, ThreadsShareIt) {
  ResponseOwners owners;
  const auto work = [&owners](const std::string& prefix) {
    for (int i = 0; i < 1000; ++i) {
      owners.remember(prefix + std::to_string(i), EndpointId(1));
      EXPECT_TRUE(owners.find(prefix + std::to_string(i)));
    }
  };
  std::thread other(work, "a");
  work("b");
  other.join();
}

}  // namespace
}  // namespace olla::fleet
