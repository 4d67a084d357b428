#include "log/line_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <future>
#include <stdexcept>
#include <vector>

namespace olla::log {
namespace {

constexpr LineWriter::Settings kPatient{.lines_max = 16, .gather = std::chrono::hours(1)};

/// A sink that keeps what it gets, and holds the writer in its first call until it is let go.
class HeldSink {
 public:
  LineWriter::Sink sink() {
    return [this](std::string_view lines) {
      batches_.emplace_back(lines);
      if (batches_.size() > 1) return;
      entered_.set_value();
      released_.get_future().wait();
    };
  }
  void await_first() { entered_.get_future().wait(); }
  void release() { released_.set_value(); }
  /// After the writer's end.
  [[nodiscard]] const std::vector<std::string>& batches() const { return batches_; }

 private:
  std::vector<std::string> batches_;
  std::promise<void> entered_;
  std::promise<void> released_;
};

TEST(LineWriterTest, WritesLinesThatCameTogetherTogether) {
  HeldSink held;
  {
    LineWriter writer(held.sink(), {.lines_max = 16, .gather = std::chrono::milliseconds(0)});
    writer.add("first", false);
    held.await_first();
    writer.add("second", false);
    writer.add("third", false);
    held.release();
  }
  ASSERT_EQ(held.batches().size(), 2u);
  EXPECT_EQ(held.batches()[0], "first\n");
  EXPECT_EQ(held.batches()[1], "second\nthird\n");
}

TEST(LineWriterTest, DropsTheOldestWhenTheSinkIsSlow) {
  HeldSink held;
  {
    LineWriter writer(held.sink(), {.lines_max = 16, .gather = std::chrono::milliseconds(0)});
    writer.add("first", false);
    held.await_first();
    for (int i = 1; i <= 19; ++i)
      writer.add(std::to_string(i), false);
    held.release();
  }
  ASSERT_EQ(held.batches().size(), 2u);
  // Two for the 17th, and two for the 19th.
  EXPECT_EQ(held.batches()[1], "5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n");
}

TEST(LineWriterTest, AnUrgentLineWaitsForNoOtherAndTakesThoseBeforeItAlong) {
  std::promise<std::string> written;
  LineWriter writer([&](std::string_view lines) { written.set_value(std::string(lines)); },
                    kPatient);
  writer.add("one", false);
  writer.add("two", true);
  // Within the hour.
  EXPECT_EQ(written.get_future().get(), "one\ntwo\n");
}

TEST(LineWriterTest, WritesWhatWaitsAtItsEnd) {
  std::string written;
  {
    LineWriter writer([&](std::string_view lines) { written += lines; }, kPatient);
    writer.add("one", false);
  }
  EXPECT_EQ(written, "one\n");
}

TEST(LineWriterTest, GoesOnAfterASinkThatFailedAndSaysSoOnceInARow) {
  testing::internal::CaptureStderr();
  std::vector<std::string> batches;
  std::array<std::promise<void>, 4> taken;
  {
    LineWriter writer(
        [&](std::string_view lines) {
          batches.emplace_back(lines);
          taken[batches.size() - 1].set_value();
          if (lines.starts_with("bad")) throw std::runtime_error("no space left");
        },
        kPatient);
    for (std::size_t i = 0; const std::string_view line : {"bad 1", "bad 2", "good", "bad 3"}) {
      writer.add(line, true);
      taken[i++].get_future().wait();
    }
  }
  EXPECT_EQ(batches, (std::vector<std::string>{"bad 1\n", "bad 2\n", "good\n", "bad 3\n"}));
  const std::string once = "olla: cannot write the log: no space left\n";
  EXPECT_EQ(testing::internal::GetCapturedStderr(), once + once);
}

}  // namespace
}  // namespace olla::log
