#include "proxy/wait_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace olla::proxy {
namespace {

/// A request that waits, as the queue sees it.
struct Waiting : WaitQueue::Ticket {
  void on_turn() override { ++turns; }

  int turns = 0;
};

struct WaitQueueTest : testing::Test {
  WaitQueue queue;
  int moment_of_last = 100;

  /// In the order in which they came.
  bool join(Waiting& ticket, const std::string& kind, std::uint32_t max_requests = 100) {
    return queue.join(ticket, {kind, at(++moment_of_last)}, max_requests);
  }
  bool join_as_of(int moment, Waiting& ticket, const std::string& kind) {
    return queue.join(ticket, {kind, at(moment)}, 100);
  }
  static TimePoint at(int moment) { return TimePoint(std::chrono::seconds(moment)); }
  [[nodiscard]] bool goes_behind(const char* kind) const {
    return queue.goes_behind(kind, at(moment_of_last + 1));
  }
  /// The ticket's turns since the last call; looks, as one does who has a turn.
  int turns(Waiting& ticket) {
    const int turns = std::exchange(ticket.turns, 0);
    EXPECT_TRUE(turns == 0 || queue.look(ticket));
    return turns;
  }
};

TEST_F(WaitQueueTest, TheFirstOfAKindLooksAtOnceAndTheOthersWait) {
  Waiting first;
  Waiting second;
  Waiting other;
  ASSERT_TRUE(join(first, "a") && join(second, "a") && join(other, "b"));
  EXPECT_EQ(turns(first), 1);
  EXPECT_EQ(turns(second), 0);
  EXPECT_EQ(turns(other), 1);
  EXPECT_EQ(queue.waiting(), 3U);
  EXPECT_TRUE(goes_behind("a"));
  EXPECT_FALSE(goes_behind("c"));
  queue.leave(first);
  queue.leave(second);
  queue.leave(other);
  EXPECT_EQ(queue.waiting(), 0U);
  EXPECT_FALSE(goes_behind("a"));
}

TEST_F(WaitQueueTest, IsBounded) {
  Waiting first;
  Waiting second;
  Waiting third;
  EXPECT_TRUE(join(first, "a", 2));
  EXPECT_TRUE(join(second, "b", 2));
  EXPECT_FALSE(join(third, "c", 2));
  queue.leave(third);  // It is not in the queue.
  EXPECT_EQ(queue.waiting(), 2U);
  queue.leave(first);
  EXPECT_TRUE(join(third, "c", 2));
  queue.leave(second);
  queue.leave(third);
}

// One event walks from the oldest to the youngest: nobody is woken beside it.
TEST_F(WaitQueueTest, AChangeIsForTheOldestThatCanUseIt) {
  Waiting a1;
  Waiting a2;
  Waiting b1;
  Waiting c1;
  ASSERT_TRUE(join(a1, "a") && join(a2, "a") && join(b1, "b") && join(c1, "c"));
  for (Waiting* ticket : {&a1, &b1, &c1})
    turns(*ticket);
  queue.changed();
  EXPECT_EQ(turns(a1), 1);
  EXPECT_EQ(b1.turns + c1.turns + a2.turns, 0) << "no herd";
  queue.hand_on(a1);
  EXPECT_EQ(a2.turns, 0) << "what the first of a kind cannot use, the second cannot either";
  EXPECT_EQ(turns(b1), 1) << "a model that is down holds up none that is not";
  queue.leave(b1);
  EXPECT_EQ(turns(c1), 1) << "there may be room for more";
  queue.hand_on(c1);
  EXPECT_EQ(a1.turns + a2.turns, 0) << "the walk is over";
  queue.leave(a1);
  queue.leave(a2);
  queue.leave(c1);
}

TEST_F(WaitQueueTest, EachOneThatFindsAPlaceLetsTheNextOfItsKindLook) {
  std::deque<Waiting> line(5);
  for (Waiting& ticket : line)
    ASSERT_TRUE(join(ticket, "a"));
  for (Waiting& ticket : line) {
    EXPECT_EQ(turns(ticket), 1);
    queue.leave(ticket);
  }
  EXPECT_EQ(queue.waiting(), 0U);
}

TEST_F(WaitQueueTest, ATurnIsNotLostWithTheOneThatHadIt) {
  Waiting gone;
  Waiting next;
  ASSERT_TRUE(join(gone, "a") && join(next, "a"));
  turns(gone);
  queue.changed();
  queue.leave(gone);  // Its client left before it looked.
  EXPECT_EQ(turns(next), 1);
  queue.leave(next);
}

TEST_F(WaitQueueTest, WhatChangesWhileSomebodyLooksGivesAnotherTurn) {
  Waiting ticket;
  ASSERT_TRUE(join(ticket, "a"));
  queue.changed();
  EXPECT_EQ(turns(ticket), 1) << "it had not looked yet: once is enough";
  queue.changed();
  EXPECT_EQ(turns(ticket), 1);
  queue.leave(ticket);
}

// An older one found no place and handed its turn on; then one became free.
TEST_F(WaitQueueTest, NobodyOvertakesAnOlderOneThatWasToldToLook) {
  Waiting older;
  Waiting younger;
  ASSERT_TRUE(join(older, "a") && join(younger, "b"));
  for (Waiting* ticket : {&older, &younger})
    turns(*ticket);
  queue.changed();
  ASSERT_EQ(turns(older), 1);
  queue.hand_on(older);
  ASSERT_EQ(younger.turns, 1);
  queue.changed();
  EXPECT_FALSE(queue.look(younger));
  EXPECT_TRUE(goes_behind("c")) << "a new one neither";
  ASSERT_EQ(turns(older), 1);
  EXPECT_FALSE(goes_behind("c"));
  younger.turns = 0;
  queue.leave(older);
  EXPECT_EQ(turns(younger), 1) << "its turn comes behind the older one's";
  queue.leave(younger);
}

TEST_F(WaitQueueTest, OneInTheMiddleLeavesAndTakesNoTurnAlong) {
  Waiting first;
  Waiting middle;
  Waiting last;
  ASSERT_TRUE(join(first, "a") && join(middle, "a") && join(last, "a"));
  turns(first);
  EXPECT_TRUE(queue.is_first(first));
  EXPECT_FALSE(queue.is_first(middle));
  queue.leave(middle);
  EXPECT_EQ(first.turns + last.turns, 0);
  queue.leave(first);
  EXPECT_EQ(turns(last), 1);
  queue.leave(last);
  EXPECT_FALSE(queue.is_first(last));
}

TEST_F(WaitQueueTest, OneThatCameEarlierStandsInFront) {
  std::deque<Waiting> line(3);
  for (Waiting& ticket : line)
    ASSERT_TRUE(join(ticket, "a"));
  Waiting old;
  Waiting older;
  ASSERT_TRUE(join_as_of(2, old, "a") && join_as_of(1, older, "a"));
  EXPECT_TRUE(queue.is_first(older));
  EXPECT_FALSE(queue.look(line[0])) << "it was told to look before the others joined";
  EXPECT_FALSE(queue.look(old));
  old.turns = line[0].turns = 0;
  for (Waiting* ticket : {&older, &old, &line[0], &line[1], &line[2]}) {
    EXPECT_EQ(turns(*ticket), 1);
    queue.leave(*ticket);
  }
}

TEST_F(WaitQueueTest, OneBetweenTwoStandsThere) {
  Waiting first;
  Waiting last_one;
  Waiting middle;
  ASSERT_TRUE(join_as_of(1, first, "a") && join_as_of(5, last_one, "a"));
  ASSERT_TRUE(join_as_of(3, middle, "a"));
  for (Waiting* ticket : {&first, &middle, &last_one}) {
    EXPECT_EQ(turns(*ticket), 1);
    queue.leave(*ticket);
  }
}

TEST_F(WaitQueueTest, OfTheSameMomentTheFirstToJoinIsTheOlder) {
  Waiting first;
  Waiting second;
  ASSERT_TRUE(join_as_of(1, first, "a") && join_as_of(1, second, "a"));
  EXPECT_TRUE(queue.is_first(first));
  EXPECT_TRUE(queue.goes_behind("a", at(1)));
  queue.leave(first);
  queue.leave(second);
}

TEST_F(WaitQueueTest, NobodyGoesBehindThoseThatCameLater) {
  Waiting ticket;
  ASSERT_TRUE(join_as_of(5, ticket, "a"));
  EXPECT_FALSE(queue.goes_behind("a", at(4)));
  EXPECT_FALSE(queue.goes_behind("b", at(4))) << "though that one has a turn";
  EXPECT_TRUE(queue.goes_behind("a", at(6)));
  EXPECT_TRUE(queue.goes_behind("b", at(6)));
  queue.leave(ticket);
}

// It had a turn, an older one of its kind came in between and left again before it looked.
TEST_F(WaitQueueTest, ATurnIsNotLostToOneThatStandsInFrontForAMoment) {
  Waiting young;
  Waiting old;
  ASSERT_TRUE(join_as_of(5, young, "a"));
  ASSERT_TRUE(join_as_of(1, old, "a"));
  queue.leave(old);
  EXPECT_GE(turns(young), 1);
  Waiting other;
  ASSERT_TRUE(join_as_of(1, other, "a"));
  EXPECT_EQ(turns(other), 1);
  queue.changed();
  queue.leave(other);
  EXPECT_EQ(turns(young), 1);
  queue.leave(young);
}

/// Requests of several threads for a few places: no place may stay empty while somebody waits.
TEST(WaitQueueThreadsTest, NoWakeUpIsLost) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  WaitQueue queue;
  std::array<std::atomic<int>, 2> places{2, 1};  // By kind.

  struct Sleeper : WaitQueue::Ticket {
    void on_turn() override {
      const std::lock_guard lock(mutex);
      has_turn = true;
      changed.notify_one();
    }
    bool wait() {
      std::unique_lock lock(mutex);
      const bool came =
          changed.wait_for(lock, std::chrono::seconds(20), [this] { return has_turn; });
      has_turn = false;
      return came;
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool has_turn = false;
  };
  const auto take = [&places](std::size_t kind) {
    int left = places[kind].load();
    while (left > 0)
      if (places[kind].compare_exchange_weak(left, left - 1)) return true;
    return false;
  };
  std::atomic<int> lost{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(static_cast<unsigned>(i + 1));
      for (int round = 0; round < kRounds && lost == 0; ++round) {
        const std::size_t kind = random() % 2;
        Sleeper sleeper;
        const TimePoint came(std::chrono::seconds(random() % 100));
        queue.join(sleeper, {kind == 0 ? "a" : "b", came}, 100);
        for (bool placed = false; !placed;) {
          if (!sleeper.wait()) {
            ++lost;
            break;
          }
          if (!queue.look(sleeper)) continue;
          placed = take(kind);
          if (!placed) queue.hand_on(sleeper);
        }
        queue.leave(sleeper);
        std::this_thread::yield();
        places[kind].fetch_add(1);
        queue.changed();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(queue.waiting(), 0U);
}

}  // namespace
}  // namespace olla::proxy
