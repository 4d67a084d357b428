#include "routing/pick.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"

namespace olla::routing {
namespace {

using fleet::Health;

struct Spec {
  const char* name;
  Health health = Health::kHealthy;
  std::vector<std::string> models = {};
  std::uint32_t in_flight = 0;
  const char* type = "vllm";
  bool resolved = true;
};

/// A fleet in a given state, its snapshot, and the bookings that make up its load.
class Scene {
 public:
  explicit Scene(const std::vector<Spec>& specs) : fleet_(configured(specs)) {
    for (std::uint32_t i = 0; i < specs.size(); ++i) {
      const EndpointId id(i);
      fleet_.set_health(id, specs[i].health);
      fleet_.set_models(id, specs[i].models);
      if (specs[i].resolved) fleet_.set_addresses(id, {fleet::Address{}});
    }
    snapshot_ = fleet_.snapshot();
    for (std::uint32_t i = 0; i < specs.size(); ++i) {
      for (std::uint32_t n = 0; n < specs[i].in_flight; ++n)
        load_.emplace_back(*snapshot_->endpoints[i].live);
    }
  }

  [[nodiscard]] const fleet::Snapshot& snapshot() const { return *snapshot_; }

  [[nodiscard]] std::uint32_t in_flight(std::size_t i) const {
    return snapshot_->endpoints[i].live->in_flight;
  }

  /// The name of the endpoint picked, or why there is none.
  [[nodiscard]] std::string pick_name(const PickRequest& request) const {
    const Pick picked = pick(*snapshot_, request);
    if (picked.view != nullptr) return picked.view->endpoint->config.name;
    switch (picked.reason) {
      case NoPick::kNoEndpoints:
        return "no endpoints";
      case NoPick::kAllTried:
        return "all tried";
      case NoPick::kNoneHealthy:
        break;
    }
    return "none healthy";
  }

 private:
  static std::vector<config::Endpoint> configured(const std::vector<Spec>& specs) {
    std::vector<config::Endpoint> endpoints;
    for (const Spec& spec : specs) {
      config::Endpoint& endpoint = endpoints.emplace_back();
      endpoint.name = spec.name;
      endpoint.type = spec.type;
    }
    return endpoints;
  }

  fleet::Fleet fleet_;
  std::shared_ptr<const fleet::Snapshot> snapshot_;
  std::vector<fleet::Booking> load_;
};

constexpr auto kUp = Health::kHealthy;
constexpr auto kDown = Health::kUnhealthy;
constexpr auto kNew = Health::kUnknown;

struct Case {
  const char* name;
  std::vector<Spec> fleet;
  std::string picked;
  std::optional<std::string_view> model = std::nullopt;
  std::vector<std::uint32_t> tried = {};
  Provider provider = Provider::kVllm;
};

const Case kCases[] = {
    {"nothing configured", {}, "no endpoints"},
    {"nothing of the provider", {{"a", kUp, {}, 0, "ollama"}}, "no endpoints"},
    {"every type serves OpenAI", {{"a", kUp, {}, 0, "ollama"}}, "a", {}, {}, Provider::kOpenAi},
    {"every type serves the proxy", {{"a", kUp, {}, 0, "ollama"}}, "a", {}, {}, Provider::kAny},
    {"the least loaded", {{"a", kUp, {}, 2}, {"b", kUp, {}, 1}, {"c", kUp, {}, 3}}, "b"},
    {"another type is no candidate", {{"a", kUp, {}, 0, "ollama"}, {"b", kUp, {}, 5}}, "b"},
    {"unhealthy is no candidate", {{"a", kDown}, {"b", kUp, {}, 5}}, "b"},
    {"unchecked waits while one is healthy", {{"a", kNew}, {"b", kUp, {}, 5}}, "b"},
    {"unchecked stands in", {{"a", kDown}, {"b", kNew}}, "b"},
    {"unchecked does not stand in for a tried one",
     {{"a", kNew}, {"b", kUp}},
     "all tried",
     {},
     {1}},
    {"unhealthy never stands in", {{"a", kDown}, {"b", kDown}}, "none healthy"},
    {"health elsewhere does not count", {{"a", kUp, {}, 0, "ollama"}, {"b", kNew}}, "b"},
    {"an address is needed", {{"a", kUp, {}, 0, "vllm", false}, {"b", kUp, {}, 5}}, "b"},
    {"no address at all", {{"a", kUp, {}, 0, "vllm", false}}, "none healthy"},
    {"not one that was tried", {{"a", kUp}, {"b", kUp, {}, 5}}, "b", {}, {0}},
    {"all tried", {{"a", kUp}, {"b", kUp}}, "all tried", {}, {1, 0}},
    {"all that are healthy tried", {{"a", kUp}, {"b", kDown}}, "all tried", {}, {0}},
    {"tried, and then all went down", {{"a", kDown}, {"b", kDown}}, "none healthy", {}, {0, 1}},
    {"one that lists the model", {{"a", kUp, {"x"}}, {"b", kUp, {"m", "x"}, 5}}, "b", "m"},
    {"one with an unknown list does not, if another lists it",
     {{"a", kUp}, {"b", kUp, {"m"}, 5}},
     "b",
     "m"},
    {"nobody lists the model: all", {{"a", kUp, {"x"}}, {"b", kUp, {"y"}, 5}}, "a", "m"},
    {"the model's name is compared exactly", {{"a", kUp, {"M"}}, {"b", kUp, {"m "}, 5}}, "a", "m"},
    {"no model named: all", {{"a", kUp, {"x"}}, {"b", kUp, {"m"}, 5}}, "a"},
    {"only a dead one lists the model",
     {{"a", kUp, {"x"}}, {"b", kDown, {"m"}}},
     "none healthy",
     "m"},
    {"all that list the model tried",
     {{"a", kUp, {"x"}}, {"b", kUp, {"m"}}},
     "all tried",
     "m",
     {1}},
    {"a list of another provider does not count",
     {{"a", kUp, {"x"}}, {"b", kUp, {"m"}, 0, "ollama"}},
     "a",
     "m"},
};

TEST(PickTest, ChoosesAsTheRulesSay) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Scene scene(c.fleet);
    std::vector<EndpointId> tried;
    for (const std::uint32_t id : c.tried)
      tried.emplace_back(id);
    for (std::uint32_t turn = 0; turn < 5; ++turn) {
      const PickRequest request{c.provider, c.model, tried, turn};
      EXPECT_EQ(scene.pick_name(request), c.picked);
    }
  }
}

// The tied ones are not neighbours: those between must not get their share to anybody else.
TEST(PickTest, TurnsVisitTiedEndpointsEvenly) {
  const Scene scene({{"a"}, {"b", kDown}, {"c", kUp, {}, 1}, {"d"}, {"e", kDown}, {"f"}});
  std::map<std::string, int> times;
  std::string order;
  for (std::uint32_t turn = 0; turn < 300; ++turn) {
    const std::string name = scene.pick_name({.turn = turn});
    ++times[name];
    if (turn < 6) order += name;
  }
  EXPECT_EQ(order, "adfadf");
  EXPECT_EQ(times, (std::map<std::string, int>{{"a", 100}, {"d", 100}, {"f", 100}}));
}

TEST(PickTest, BookingCountsOnThePickedEndpointOnly) {
  const Scene scene({{"a"}, {"b"}});
  {
    const Pick picked = pick(scene.snapshot(), {.turn = 1});
    const fleet::Booking booking = book(picked);
    EXPECT_EQ(scene.in_flight(0), 0u);
    EXPECT_EQ(scene.in_flight(1), 1u);
  }
  EXPECT_EQ(scene.in_flight(1), 0u);
  EXPECT_FALSE(book(Pick{}));
}

std::uint32_t spread(const Scene& scene) {
  std::uint32_t least = scene.in_flight(0);
  std::uint32_t most = least;
  for (std::size_t i = 1; i < scene.snapshot().endpoints.size(); ++i) {
    least = std::min(least, scene.in_flight(i));
    most = std::max(most, scene.in_flight(i));
  }
  return most - least;
}

TEST(PickTest, EqualCandidatesNeverDifferByMoreThanOneRequest) {
  const Scene scene({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}});
  constexpr std::uint64_t kSeed = 3;
  Random random(kSeed);
  std::vector<fleet::Booking> bookings;
  for (int i = 0; i < 1000; ++i) {
    const PickRequest request{.turn = static_cast<std::uint32_t>(random.next())};
    bookings.push_back(book(pick(scene.snapshot(), request)));
    ASSERT_LE(spread(scene), 1u);
  }
}

// Requests end in any order, so loads drift apart; each pick must still take one of the least.
TEST(PickTest, RandomPicksAndReleasesTakeTheLeastAndEndAtZero) {
  const Scene scene({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}});
  constexpr std::uint64_t kSeed = 4;
  Random random(kSeed);
  std::vector<fleet::Booking> bookings;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    if (!bookings.empty() && random.below(2) == 0) {
      std::swap(bookings[random.below(bookings.size())], bookings.back());
      bookings.pop_back();
      continue;
    }
    const Pick picked = pick(scene.snapshot(), {.turn = i});
    ASSERT_NE(picked.view, nullptr);
    for (std::size_t other = 0; other < 5; ++other)
      ASSERT_LE(picked.view->live->in_flight, scene.in_flight(other));
    bookings.push_back(book(picked));
  }
  bookings.clear();
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(scene.in_flight(i), 0u);
}

}  // namespace
}  // namespace olla::routing
