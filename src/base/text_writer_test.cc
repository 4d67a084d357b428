#include "base/text_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace olla {
namespace {

TEST(TextWriterTest, WritesBehindWhatIsThere) {
  std::string out = "before ";
  TextWriter(out, 100).text("literal ").text(std::string_view("view ")).number(7).character('!');
  EXPECT_EQ(out, "before literal view 7!");
}

TEST(TextWriterTest, GrowsWhereTheRoomWasTooSmall) {
  for (const std::size_t room : {0U, 1U, 5U}) {
    std::string out;
    std::string expected;
    {
      TextWriter writer(out, room);
      for (int i = 0; i < 200; ++i) {
        writer.text("a literal of some length").number(std::numeric_limits<std::uint64_t>::max());
        expected += "a literal of some length18446744073709551615";
      }
    }
    EXPECT_EQ(out, expected);
  }
}

TEST(TextWriterTest, WritesNothingOfNothing) {
  std::string out;
  TextWriter(out, 10).text("").text(std::string_view());
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace olla
