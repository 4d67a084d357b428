#include "limits/client_buckets.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "limits/token_bucket.h"

namespace olla::limits {
namespace {

using std::chrono::seconds;

constexpr TimePoint kNow{std::chrono::hours(1)};

IpBits address(std::uint32_t number) {
  IpBits bits = *parse_ip("0.0.0.0");
  for (std::size_t i = 0; i < 4; ++i)
    bits[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bits;
}

TEST(ClientBucketsTest, KeepsEachClientsBucket) {
  ClientBuckets buckets(1);
  for (std::uint32_t i = 0; i < 1000; ++i)
    buckets.bucket(address(i), kNow).set(kNow + seconds(1 + i));
  for (std::uint32_t i = 0; i < 1000; ++i)
    EXPECT_EQ(buckets.bucket(address(i), kNow).full_at(), kNow + seconds(1 + i)) << i;
  EXPECT_EQ(buckets.bucket(address(5000), kNow).full_at(), TimePoint::min());
}

TEST(ClientBucketsTest, AHostHasOneBucketForAllAddressesOfItsNetwork) {
  EXPECT_EQ(client_key(*parse_ip("2001:db8::1")), client_key(*parse_ip("2001:db8::ffff:0:1")));
  EXPECT_NE(client_key(*parse_ip("2001:db8::1")), client_key(*parse_ip("2001:db8:0:1::1")));
  EXPECT_NE(client_key(*parse_ip("10.0.0.1")), client_key(*parse_ip("10.0.0.2")));
  EXPECT_EQ(client_key(*parse_ip("10.0.0.1")), client_key(*parse_ip("::ffff:10.0.0.1")));
}

TEST(ClientBucketsTest, ABucketThatIsFullAgainIsForgotten) {
  ClientBuckets buckets(1);
  buckets.bucket(address(1), kNow).set(kNow + seconds(10));
  EXPECT_EQ(buckets.bucket(address(1), kNow + seconds(10)).full_at(), TimePoint::min());
}

TEST(ClientBucketsTest, SweepingGivesBackTheMemoryOfIdleClientsAlone) {
  ClientBuckets buckets(1);
  for (std::uint32_t i = 0; i < 2000; ++i)
    buckets.bucket(address(i), kNow).set(kNow + seconds(i == 7 ? 60 : 10));
  EXPECT_GE(buckets.places(), 2000u);
  buckets.sweep(kNow + seconds(5));
  EXPECT_GE(buckets.places(), 2000u);
  buckets.sweep(kNow + seconds(10));
  EXPECT_EQ(buckets.places(), ClientBuckets::kWays);
  EXPECT_EQ(buckets.bucket(address(7), kNow + seconds(11)).full_at(), kNow + seconds(60));
  buckets.sweep(kNow + seconds(60));
  EXPECT_EQ(buckets.places(), 0u);
}

TEST(ClientBucketsTest, ItsMemoryIsBoundedWhateverComes) {
  ClientBuckets buckets(1);
  for (std::uint32_t i = 0; i < 300'000; ++i)
    buckets.bucket(address(i), kNow).set(kNow + seconds(10));
  EXPECT_LE(buckets.places(), ClientBuckets::kClientsMax);
}

TEST(ClientBucketsTest, AFloodOfNewClientsDoesNotResetOneThatIsDeeperInDebt) {
  ClientBuckets buckets(1);
  const IpBits greedy = *parse_ip("192.0.2.1");
  buckets.bucket(greedy, kNow).set(kNow + seconds(50));
  for (std::uint32_t i = 0; i < 300'000; ++i)
    buckets.bucket(address(i), kNow).set(kNow + seconds(1));
  EXPECT_EQ(buckets.bucket(greedy, kNow).full_at(), kNow + seconds(50));
}

TEST(ClientBucketsTest, LookingAtABucketTakesNoPlaceFromAnother) {
  ClientBuckets buckets(1);
  for (std::uint32_t i = 0; i < 100'000; ++i)
    buckets.bucket(address(i), kNow).set(kNow + seconds(10));
  std::uint32_t known = 0;
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    if (buckets.bucket(address(i), kNow).full_at() > kNow) ++known;
  }
  std::uint32_t still_known = 0;
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    if (buckets.bucket(address(i), kNow).full_at() > kNow) ++still_known;
  }
  EXPECT_EQ(known, still_known);
  EXPECT_GT(known, 80'000u);
}

TEST(ClientBucketsTest, ManyThreadsTakeNoTokenTwice) {
  ClientBuckets buckets(1);
  const BucketRules rules(1, 100);
  std::array<std::atomic<int>, 8> taken{};
  const auto work = [&](unsigned seed) {
    for (std::uint32_t i = 0; i < 4000; ++i) {
      const std::uint32_t client = (i + seed) % taken.size();
      ClientBuckets::Bucket bucket = buckets.bucket(address(client), kNow);
      if (rules.wait(bucket.full_at(), kNow) > Duration::zero()) continue;
      bucket.set(rules.take(bucket.full_at(), kNow));
      ++taken[client];
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back(work, i);
  for (int i = 0; i < 20; ++i)
    buckets.sweep(kNow);
  for (std::thread& thread : threads)
    thread.join();
  for (const auto& count : taken)
    EXPECT_EQ(count, 100);
}

}  // namespace
}  // namespace olla::limits
