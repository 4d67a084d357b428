#include "net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "net/address.h"
#include "test/loop.h"
#include "test/names.h"

namespace olla::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;

std::vector<std::string> texts(const Resolver::Found& found) {
  std::vector<std::string> out;
  if (!found) return {found.error().detail};
  for (const fleet::Address& address : *found)
    out.push_back(address.to_string());
  return out;
}

struct ResolverTest : testing::Test {
  ~ResolverTest() override {
    deadlines.expire_all();
    loop.run_ready();
    names.release();
  }
  test::Loop loop;
  Deadlines deadlines{loop.io()};
  Resolver system{loop.io(), deadlines};
  test::Names names;
  std::optional<Resolver> scripted{std::in_place, loop.io(), deadlines, names.look_up()};
};

TEST_F(ResolverTest, ALiteralResolvesToItselfWithoutALookUp) {
  for (const char* literal : {"127.0.0.9", "::1"}) {
    const auto found = test::run(loop, scripted->resolve(literal, 8001, milliseconds(0)));
    EXPECT_THAT(texts(found), ElementsAre(literal_address(literal, 8001)->to_string()));
  }
  EXPECT_EQ(names.asked, 0);
}

TEST_F(ResolverTest, LocalhostResolvesToLoopback) {
  const auto found = test::run(loop, system.resolve("localhost", 8001, seconds(20)));
  EXPECT_THAT(texts(found), Contains("127.0.0.1:8001"));
}

TEST_F(ResolverTest, ANameThatCannotExistIsAnError) {
  // A label may have 63 characters: the system refuses this one without asking anybody.
  const auto found = test::run(loop, system.resolve(std::string(300, 'x'), 80, seconds(20)));
  ASSERT_TRUE(found.has_error());
  EXPECT_EQ(found.error().code, Errc::kRefused);
  EXPECT_EQ(found.error().side, Side::kUpstream);
}

TEST_F(ResolverTest, ANameThatHangsIsGivenUpInTimeAndItsLaterResultIsDropped) {
  for (const milliseconds limit : {milliseconds(0), milliseconds(1)}) {
    const auto found = test::run(loop, scripted->resolve("silent", 80, limit));
    ASSERT_TRUE(found.has_error());
    EXPECT_EQ(found.error().code, Errc::kTimeout);
    EXPECT_EQ(found.error().side, Side::kUpstream);
  }
  names.release();
  // Asked again it has one answer, be it of the first look-up or of another.
  const auto found = test::run(loop, scripted->resolve("silent", 81, seconds(20)));
  EXPECT_THAT(texts(found), ElementsAre("127.0.0.1:81"));
}

TEST_F(ResolverTest, ANameThatHangsTakesOneThreadHoweverOftenItIsAsked) {
  for (std::size_t i = 0; i < 2 * Resolver::kThreads; ++i)
    test::run(loop, scripted->resolve("silent", 80, milliseconds(0)));
  const auto found = test::run(loop, scripted->resolve("other", 80, seconds(20)));
  EXPECT_THAT(texts(found), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(names.asked, 2);
}

TEST_F(ResolverTest, SeveralThatWaitForOneNameShareTheLookUp) {
  test::Started<Resolver::Found> first(loop, scripted->resolve("silent", 81, hours(1)));
  test::Started<Resolver::Found> second(loop, scripted->resolve("silent", 82, hours(1)));
  test::Started<Resolver::Found> hasty(loop, scripted->resolve("silent", 83, milliseconds(1)));
  EXPECT_TRUE(hasty.get().has_error());
  EXPECT_FALSE(first.done());
  names.release();
  EXPECT_THAT(texts(first.get()), ElementsAre("127.0.0.1:81"));
  EXPECT_THAT(texts(second.get()), ElementsAre("127.0.0.1:82"));
  EXPECT_EQ(names.asked, 1);
}

TEST_F(ResolverTest, ExpireAllEndsTheWait) {
  test::Started<Resolver::Found> started(loop, scripted->resolve("silent", 80, hours(1)));
  loop.run_ready();
  ASSERT_FALSE(started.done());
  deadlines.expire_all();
  loop.run_ready();
  ASSERT_TRUE(started.done());
  ASSERT_TRUE(started.get().has_error());
  EXPECT_EQ(started.get().error().code, Errc::kTimeout);
}

TEST_F(ResolverTest, NothingIsLookedUpAfterExpireAll) {
  deadlines.expire_all();
  const auto found = test::run(loop, scripted->resolve("silent", 80, hours(1)));
  ASSERT_TRUE(found.has_error());
  EXPECT_EQ(found.error().code, Errc::kTimeout);
  EXPECT_EQ(names.asked, 0);
}

TEST_F(ResolverTest, AResultThatComesAfterTheResolverIsGoneIsDropped) {
  const auto found = test::run(loop, scripted->resolve("silent", 80, milliseconds(0)));
  ASSERT_TRUE(found.has_error());
  names.release();
  scripted.reset();
  loop.run_ready();
}

TEST_F(ResolverTest, ACoroutineThatStillWaitsIsDestroyedWithTheResolver) {
  test::Started<Resolver::Found> started(loop, scripted->resolve("silent", 80, hours(1)));
  loop.run_ready();
  names.release();
  scripted.reset();
  loop.run_ready();
  EXPECT_FALSE(started.done());
}

}  // namespace
}  // namespace olla::net
