#include "net/frame_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace olla::net {
namespace {

struct Taken {
  void* frame;
  std::size_t bytes;
};

Taken take(std::size_t bytes) {
  void* const frame = take_frame(bytes);
  std::memset(frame, 0xA5, bytes);
  return {frame, bytes};
}

TEST(FrameMemoryTest, NoTwoHaveTheSameMemory) {
  for (int round = 0; round < 3; ++round) {
    std::vector<Taken> all;
    std::set<void*> different;
    // More of each size than are kept, and sizes that never are.
    for (const std::size_t bytes : {1U, 63U, 64U, 65U, 1000U, 4096U, 4097U, 100'000U}) {
      for (int i = 0; i < 100; ++i) {
        all.push_back(take(bytes));
        different.insert(all.back().frame);
      }
    }
    EXPECT_EQ(different.size(), all.size());
    for (const Taken& one : all)
      give_frame(one.frame, one.bytes);
  }
}

TEST(FrameMemoryTest, ASizeThatSharesTheMemoryFitsInIt) {
  for (std::size_t bytes = 1; bytes <= 4200; ++bytes) {
    const Taken one = take(bytes);
    give_frame(one.frame, one.bytes);
  }
  for (std::size_t bytes = 4200; bytes > 0; --bytes) {
    const Taken one = take(bytes);
    give_frame(one.frame, one.bytes);
  }
}

TEST(FrameMemoryTest, AnotherThreadMayGiveBack) {
  const Taken one = take(200);
  std::thread other([&one] {
    give_frame(one.frame, one.bytes);
    const Taken again = take(200);
    give_frame(again.frame, again.bytes);
  });
  other.join();
  const Taken mine = take(200);
  give_frame(mine.frame, mine.bytes);
}

}  // namespace
}  // namespace olla::net
