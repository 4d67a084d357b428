#include "base/byte_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace olla {
namespace {

TEST(ByteBufferTest, KeepsBytesInOrderAcrossGrowthAndConsumption) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    buffer.append(piece);
    expected += piece;
    if (i % 3 == 0) {
      buffer.consume(2);
      expected.erase(0, 2);
    }
    ASSERT_EQ(buffer.view(), expected);
  }
}

TEST(ByteBufferTest, PreparedRoomIsPartOfTheBytesOnlyWhenCommitted) {
  ByteBuffer buffer;
  buffer.append("head");
  std::memcpy(buffer.prepare(4), "tail", 4);
  EXPECT_EQ(buffer.view(), "head");
  buffer.commit(2);
  EXPECT_EQ(buffer.view(), "headta");
}

TEST(ByteBufferTest, ReusesConsumedRoomInsteadOfGrowing) {
  ByteBuffer buffer;
  buffer.append(std::string(1000, 'x'));
  const std::size_t before = buffer.capacity();
  for (int i = 0; i < 100; ++i) {
    buffer.consume(900);
    buffer.append(std::string(900, 'y'));
  }
  EXPECT_EQ(buffer.capacity(), before);
}

TEST(ByteBufferTest, ShrinkGivesBackOnlyLargeMemory) {
  ByteBuffer buffer;
  buffer.append(std::string(100'000, 'x'));
  buffer.clear();
  buffer.shrink(1 << 20);
  EXPECT_GE(buffer.capacity(), 100'000u);
  buffer.shrink(4096);
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

}  // namespace
}  // namespace olla
