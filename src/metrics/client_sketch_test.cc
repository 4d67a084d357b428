#include "metrics/client_sketch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace olla::metrics {
namespace {

std::uint64_t estimate_of(const ClientSketch& sketch) {
  ClientSketch::Registers registers{};
  sketch.merge_into(registers);
  return clients_in(registers);
}

TEST(ClientSketchTest, CountsEachClientOnce) {
  ClientSketch sketch;
  EXPECT_EQ(estimate_of(sketch), 0U);
  for (int round = 0; round < 100; ++round) {
    for (const char* client : {"10.0.0.1", "10.0.0.2", "::1"})
      sketch.add(client);
  }
  EXPECT_EQ(estimate_of(sketch), 3U);
}

TEST(ClientSketchTest, IsCloseForMany) {
  ClientSketch sketch;
  int added = 0;
  for (const int wanted : {100, 1000, 10'000, 100'000}) {
    for (; added < wanted; ++added)
      sketch.add("10." + std::to_string(added / 65536) + "." + std::to_string(added / 256 % 256) +
                 "." + std::to_string(added % 256));
    EXPECT_NEAR(static_cast<double>(estimate_of(sketch)), wanted, wanted * 0.15) << wanted;
  }
}

TEST(ClientSketchTest, AClientOfSeveralThreadsIsOne) {
  ClientSketch one;
  ClientSketch other;
  one.add("a");
  one.add("b");
  other.add("b");
  other.add("c");
  ClientSketch::Registers registers{};
  one.merge_into(registers);
  other.merge_into(registers);
  EXPECT_EQ(clients_in(registers), 3U);
}

}  // namespace
}  // namespace olla::metrics
