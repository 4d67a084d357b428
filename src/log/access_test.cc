#include "log/access.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace olla::log {
namespace {

std::vector<std::string> names(const AccessEntry& entry) {
  std::vector<std::string> out;
  for (const Field& field : access_fields(entry))
    out.emplace_back(field.name);
  return out;
}

TEST(AccessTest, LeavesOutWhatIsNotKnown) {
  AccessEntry entry;
  entry.status = 404;
  EXPECT_EQ(names(entry), (std::vector<std::string>{"request_id", "client", "method", "path",
                                                    "status", "bytes", "duration_ms"}));
}

TEST(AccessTest, RefusedFailedAndLeftAreWrong) {
  AccessEntry entry;
  for (const int status : {200, 304}) {
    entry.status = status;
    EXPECT_FALSE(went_wrong(entry));
  }
  for (const int status : {400, 404, kClientLeft, 500}) {
    entry.status = status;
    EXPECT_TRUE(went_wrong(entry));
  }
  entry.status = 200;
  entry.error = "the endpoint broke off";
  EXPECT_TRUE(went_wrong(entry));
}

TEST(AccessTest, TellsAllOfAProxiedRequest) {
  AccessEntry entry;
  entry.model = "m";
  entry.endpoint = "gpu-1";
  entry.ttfb_ms = 1.5;
  entry.usage = openai::Usage{.prompt_tokens = 3, .completion_tokens = 4};
  entry.error = "the client left";
  EXPECT_EQ(names(entry),
            (std::vector<std::string>{"request_id", "client", "method", "path", "model", "endpoint",
                                      "status", "bytes", "ttfb_ms", "duration_ms", "prompt_tokens",
                                      "completion_tokens", "error"}));
}

}  // namespace
}  // namespace olla::log
