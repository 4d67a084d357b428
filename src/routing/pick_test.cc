#include "routing/pick.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
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
  bool listed = true;
  std::vector<std::string> missing = {};
  bool draining = false;
  std::uint32_t limit = 0;
  std::uint32_t weight = 1;
  int priority = 100;
};

/// A fleet in a given state, its snapshot, and the bookings that make up its load.
class Scene {
 public:
  explicit Scene(const std::vector<Spec>& specs) : fleet_(configured(specs)) {
    for (std::uint32_t i = 0; i < specs.size(); ++i) {
      const EndpointId id(i);
      fleet_.set_health(id, specs[i].health);
      if (specs[i].listed) {
        std::vector<vllm::ModelEntry> entries;
        for (const std::string& model : specs[i].models)
          entries.push_back({.id = model});
        fleet_.set_models(id, std::move(entries), 0);
      }
      for (const std::string& route : specs[i].missing)
        fleet_.add_missing_route(id, route);
      fleet_.set_draining(id, specs[i].draining);
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
    if (picked.view != nullptr) {
      const std::string& name = picked.view->endpoint->config.name;
      return picked.model ? name + " as " + std::string(*picked.model) : name;
    }
    switch (picked.reason) {
      case NoPick::kNoEndpoints:
        return "no endpoints";
      case NoPick::kSpared:
        return "spared";
      case NoPick::kUnknownModel:
        return "unknown model";
      case NoPick::kOtherProviders:
        return "only others have it";
      case NoPick::kAllOpen:
        return "all open";
      case NoPick::kAllFull:
        return "all full";
      case NoPick::kAllTried:
        return "all tried";
      case NoPick::kNoneReady:
        break;
    }
    return "none ready";
  }

 private:
  static std::vector<config::Endpoint> configured(const std::vector<Spec>& specs) {
    std::vector<config::Endpoint> endpoints;
    for (const Spec& spec : specs) {
      config::Endpoint& endpoint = endpoints.emplace_back();
      endpoint.name = spec.name;
      endpoint.type = spec.type;
      endpoint.max_concurrent = spec.limit;
      endpoint.weight = spec.weight;
      endpoint.priority = spec.priority;
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

Provider vllm() {
  return Provider::of(*config::builtin_profiles()->of_type("vllm"));
}

struct Case {
  const char* name;
  std::vector<Spec> fleet;
  std::string picked;
  std::optional<std::string_view> model = std::nullopt;
  std::vector<std::uint32_t> tried = {};
  Provider provider = vllm();
};

const Case kCases[] = {
    {"nothing configured", {}, "no endpoints"},
    {"nothing of the provider", {{"a", kUp, {}, 0, "ollama"}}, "no endpoints"},
    {"every type serves OpenAI", {{"a", kUp, {}, 0, "ollama"}}, "a", {}, {}, Provider::openai()},
    {"every type serves the proxy", {{"a", kUp, {}, 0, "ollama"}}, "a", {}, {}, Provider::any()},
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
    {"unhealthy never stands in", {{"a", kDown}, {"b", kDown}}, "none ready"},
    {"health elsewhere does not count", {{"a", kUp, {}, 0, "ollama"}, {"b", kNew}}, "b"},
    {"an address is needed", {{"a", kUp, {}, 0, "vllm", false}, {"b", kUp, {}, 5}}, "b"},
    {"no address at all", {{"a", kUp, {}, 0, "vllm", false}}, "none ready"},
    {"not one that was tried", {{"a", kUp}, {"b", kUp, {}, 5}}, "b", {}, {0}},
    {"all tried", {{"a", kUp}, {"b", kUp}}, "all tried", {}, {1, 0}},
    {"all that are healthy tried", {{"a", kUp}, {"b", kDown}}, "all tried", {}, {0}},
    {"tried, and then all went down", {{"a", kDown}, {"b", kDown}}, "none ready", {}, {0, 1}},
    {"one that lists the model", {{"a", kUp, {"x"}}, {"b", kUp, {"m", "x"}, 5}}, "b", "m"},
    {"one with an unknown list does not, if another lists it",
     {{.name = "a", .listed = false}, {"b", kUp, {"m"}, 5}},
     "b",
     "m"},
    {"nobody lists the model", {{"a", kUp, {"x"}}, {"b", kUp, {"y"}, 5}}, "unknown model", "m"},
    {"nobody lists the model, but a list is not known",
     {{"a", kUp, {"x"}}, {.name = "b", .in_flight = 5, .listed = false}},
     "b",
     "m"},
    {"the list that is not known is that of a dead one",
     {{"a", kUp, {"x"}}, {.name = "b", .health = kDown, .listed = false}},
     "none ready",
     "m"},
    {"an exact name goes before another case", {{"a", kUp, {"M"}}, {"b", kUp, {"m"}, 5}}, "b", "m"},
    {"the case of letters does not count when nobody has the name",
     {{"a", kUp, {"x"}}, {"b", kUp, {"Org/Model"}, 5}},
     "b as Org/Model",
     "org/mODEL"},
    {"a blank is no letter", {{"a", kUp, {"m "}}}, "unknown model", "m"},
    {"an empty name is none", {{"a", kUp, {"x"}}, {"b", kUp, {"m"}, 5}}, "a", ""},
    {"a draining one gets nothing", {{.name = "a", .draining = true}, {"b", kUp, {}, 5}}, "b"},
    {"only a draining one", {{.name = "a", .draining = true}}, "none ready"},
    {"one that misses the route comes last",
     {{.name = "a", .missing = {"/r"}}, {"b", kUp, {}, 5}},
     "b"},
    {"all miss the route: one says so", {{.name = "a", .missing = {"/r"}}}, "a"},
    {"all miss the route, and one has said so",
     {{.name = "a", .missing = {"/r"}}, {.name = "b", .missing = {"/r"}}},
     "all tried",
     {},
     {0}},
    {"no model named: all", {{"a", kUp, {"x"}}, {"b", kUp, {"m"}, 5}}, "a"},
    {"only a dead one lists the model",
     {{"a", kUp, {"x"}}, {"b", kDown, {"m"}}},
     "none ready",
     "m"},
    {"all that list the model tried",
     {{"a", kUp, {"x"}}, {"b", kUp, {"m"}}},
     "all tried",
     "m",
     {1}},
    {"a list of another provider does not count",
     {{"a", kUp, {"x"}}, {"b", kUp, {"m"}, 0, "ollama"}},
     "only others have it",
     "m"},
    {"another provider has it in another case of letters, and is down",
     {{"a", kUp, {"x"}}, {"b", kDown, {"M"}, 0, "ollama"}},
     "only others have it",
     "m"},
    {"a full one is no candidate",
     {{.name = "a", .in_flight = 3, .limit = 3}, {"b", kUp, {}, 5}},
     "b"},
    {"one that is not full yet",
     {{.name = "a", .in_flight = 2, .limit = 3}, {"b", kUp, {}, 5}},
     "a"},
    {"all full", {{.name = "a", .in_flight = 3, .limit = 3}, {"b", kDown}}, "all full"},
    {"one full, the other tried",
     {{.name = "a", .in_flight = 3, .limit = 3}, {"b"}},
     "all full",
     {},
     {1}},
    {"one that misses the route does not stand in for a full one",
     {{.name = "a", .missing = {"/r"}}, {.name = "b", .in_flight = 1, .limit = 1}},
     "all full"},
    {"weights count", {{.name = "a", .in_flight = 3, .weight = 2}, {"b", kUp, {}, 2}}, "a"},
};

TEST(PickTest, ChoosesAsTheRulesSay) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Scene scene(c.fleet);
    std::vector<EndpointId> tried;
    for (const std::uint32_t id : c.tried)
      tried.emplace_back(id);
    for (std::uint32_t turn = 0; turn < 5; ++turn) {
      PickRequest request{.provider = c.provider, .model = c.model, .tried = tried, .route = "/r"};
      request.draw.turn = turn;
      EXPECT_EQ(scene.pick_name(request), c.picked);
    }
  }
}

TEST(PickTest, ARequestMaySpareTheVllmServers) {
  const Scene mixed({{"a"}, {"b", kUp, {}, 5, "ollama"}});
  EXPECT_EQ(mixed.pick_name({.provider = Provider::any(), .spares_vllm = true}), "b");
  EXPECT_EQ(mixed.pick_name({.provider = vllm(), .spares_vllm = true}), "spared");
}

TEST(PickTest, ARequestMayBelongToOneEndpoint) {
  const Scene scene({{"a"}, {"b", kUp, {}, 5}, {"c", kDown}});
  EXPECT_EQ(scene.pick_name({.only = EndpointId(1)}), "b");
  EXPECT_EQ(scene.pick_name({.only = EndpointId(2)}), "none ready");
  const std::vector<EndpointId> tried = {EndpointId(1)};
  EXPECT_EQ(scene.pick_name({.tried = tried, .only = EndpointId(1)}), "all tried");
}

// The tied ones are not neighbours: those between must not get their share to anybody else.
TEST(PickTest, TurnsVisitTiedEndpointsEvenly) {
  const Scene scene({{"a"}, {"b", kDown}, {"c", kUp, {}, 1}, {"d"}, {"e", kDown}, {"f"}});
  std::map<std::string, int> times;
  std::string order;
  for (std::uint32_t turn = 0; turn < 300; ++turn) {
    const std::string name = scene.pick_name({.draw = {.turn = turn}});
    ++times[name];
    if (turn < 6) order += name;
  }
  EXPECT_EQ(order, "adfadf");
  EXPECT_EQ(times, (std::map<std::string, int>{{"a", 100}, {"d", 100}, {"f", 100}}));
}

TEST(PickTest, AnAliasGoesToThoseThatHaveOneOfItsModels) {
  const std::vector<std::string> models = {"big", "Small"};
  const auto pick_alias = [&models](const std::vector<Spec>& fleet, std::string_view name = "a") {
    const Scene scene(fleet);
    const Pick picked = pick(scene.snapshot(), {.model = name, .alias_of = models});
    std::string text = scene.pick_name({.model = name, .alias_of = models});
    if (picked.by_alias) text += " of " + std::to_string(picked.able);
    return text;
  };
  EXPECT_EQ(pick_alias({{"x", kUp, {"small"}, 1}, {"y", kUp, {"a"}}}), "x as small of 1");
  // The first that an endpoint has, and any endpoint that has one.
  EXPECT_EQ(pick_alias({{"x", kUp, {"Small", "big"}}, {"y", kUp, {"Small"}, 5}}), "x as big of 2");
  EXPECT_EQ(pick_alias({{"x", kUp, {"big"}, 5}, {"y", kUp, {"Small"}}}), "y as Small of 2");
  // An endpoint may be called by a name that is the alias too: nothing is to be rewritten.
  EXPECT_EQ(pick_alias({{"x", kUp, {"big"}}}, "big"), "x of 1");
  // Nobody has one: the alias is a name like others.
  EXPECT_EQ(pick_alias({{"x", kUp, {"y"}}, {"y", kUp, {"A"}}}), "y as A");
  EXPECT_EQ(pick_alias({{"x", kUp, {"y"}}}), "unknown model");
  EXPECT_EQ(pick_alias({{"x", kUp, {"y"}}, {"y", kUp, {"big"}, 5, "ollama"}}), "y as big of 1");
  // A list that is not known is the last hope.
  EXPECT_EQ(pick_alias({{"x", kUp, {"a"}, 5}, {.name = "y", .listed = false}}), "x");
  EXPECT_EQ(pick_alias({{"x", kUp, {"y"}}, {.name = "y", .listed = false}}), "y as big of 1");
  EXPECT_EQ(pick_alias({{"x", kDown, {"big"}}, {"y", kUp, {"a"}}}), "none ready of 0");
}

TEST(PickTest, CountsThoseThatCouldTakeTheRequest) {
  const Scene scene({{"a", kUp, {"m"}},
                     {"b", kUp, {"m"}, 1, "vllm", true, true, {}, false, 1},
                     {"c", kDown, {"m"}},
                     {"d", kUp, {"x"}}});
  const std::vector<EndpointId> tried = {EndpointId(0)};
  EXPECT_EQ(pick(scene.snapshot(), {.model = "m", .tried = tried}).able, 2u);
}

TEST(PickTest, TheBalancerDecidesAmongTheCandidates) {
  const Scene scene({{.name = "a", .health = kDown, .priority = 300},
                     {.name = "b", .in_flight = 7, .priority = 200},
                     {"c"},
                     {"d"}});
  using config::LoadBalancer;
  EXPECT_EQ(scene.pick_name({.balancer = LoadBalancer::kPriority}), "b");
  EXPECT_EQ(scene.pick_name({.balancer = LoadBalancer::kLeastConnections}), "c");
  std::string order;
  for (std::uint32_t turn = 0; turn < 6; ++turn)
    order += scene.pick_name({.balancer = LoadBalancer::kRoundRobin, .draw = {.turn = turn}});
  EXPECT_EQ(order, "bcdbcd");
}

TEST(PickTest, BookingCountsOnThePickedEndpointOnly) {
  const Scene scene({{"a"}, {"b"}});
  {
    const Pick picked = pick(scene.snapshot(), {.draw = {.turn = 1}});
    const fleet::Booking booking = book(picked, {});
    EXPECT_EQ(scene.in_flight(0), 0u);
    EXPECT_EQ(scene.in_flight(1), 1u);
  }
  EXPECT_EQ(scene.in_flight(1), 0u);
  EXPECT_FALSE(book(Pick{}, {}));
}

TEST(PickTest, ThePreferredOneIsTakenUnlessItIsTooBusy) {
  const auto pick_preferring = [](const std::vector<Spec>& fleet, std::uint32_t preferred,
                                  std::uint32_t max_imbalance) {
    const PickRequest request{
        .model = "m", .preferred = EndpointId(preferred), .max_imbalance = max_imbalance};
    return Scene(fleet).pick_name(request);
  };
  const std::vector<Spec> fleet = {{"a", kUp, {"m"}, 1}, {"b", kUp, {"m"}, 4}, {"c", kUp, {"x"}}};
  EXPECT_EQ(pick_preferring(fleet, 1, 3), "b");
  EXPECT_EQ(pick_preferring(fleet, 1, 2), "a");
  EXPECT_EQ(pick_preferring(fleet, 1, 0), "b") << "it never lets go";
  EXPECT_EQ(pick_preferring(fleet, 2, 0), "a") << "no candidate";
  EXPECT_EQ(pick_preferring({{"a", kUp, {"m"}}, {"b", kDown, {"m"}}}, 1, 0), "a");
  EXPECT_EQ(
      pick_preferring(
          {{"a", kUp, {"m"}, 3}, {.name = "b", .models = {"m"}, .in_flight = 2, .limit = 2}}, 1, 0),
      "a");
}

void open_breaker(const Scene& scene, std::size_t endpoint, TimePoint now) {
  fleet::Breaker& breaker = scene.snapshot().endpoints[endpoint].live->breaker;
  for (std::uint32_t i = 0; i < config::Breaker().failures; ++i)
    breaker.note_failure(breaker.enter(now), now);
}

// Olla picks such an endpoint and then refuses the request.
TEST(PickTest, OllaW02AnEndpointWhoseBreakerIsOpenIsNoCandidate) {
  const TimePoint start{std::chrono::hours(1)};
  const Scene scene({{"a"}, {"b", kUp, {}, 5}});
  open_breaker(scene, 0, start);
  EXPECT_EQ(scene.pick_name({.now = start}), "b");
  const TimePoint tried_again = start + config::Breaker().open_for;
  EXPECT_EQ(scene.pick_name({.now = tried_again}), "a");
  const Pick probe = pick(scene.snapshot(), {.now = tried_again});
  const fleet::Booking booking = book(probe, tried_again);
  EXPECT_TRUE(booking);
  EXPECT_FALSE(book(probe, tried_again)) << "one at a time";
  EXPECT_EQ(scene.pick_name({.now = tried_again}), "b");
}

TEST(PickTest, WhereBreakersLeaveNobodyTheFirstThatOpenedIsTriedEarly) {
  const TimePoint start{std::chrono::hours(1)};
  const Scene scene({{"a"}, {"b"}, {"c", kDown}});
  open_breaker(scene, 1, start);
  open_breaker(scene, 0, start + std::chrono::milliseconds(10));
  EXPECT_EQ(scene.pick_name({.now = start}), "all open");
  const TimePoint later = start + 2 * fleet::Breaker::kEarlyProbe;
  EXPECT_EQ(scene.pick_name({.now = later}), "b");
  const fleet::Booking booking = book(pick(scene.snapshot(), {.now = later}), later);
  EXPECT_EQ(scene.pick_name({.now = later}), "a");
}

TEST(PickTest, AnEndpointThatCameBackGetsLessThanItsShare) {
  const TimePoint start{std::chrono::hours(1)};
  config::Endpoint endpoint;
  endpoint.type = "vllm";
  fleet::Fleet fleet({endpoint, endpoint});
  for (const std::uint32_t i : {0, 1}) {
    fleet.set_health(EndpointId(i), Health::kHealthy);
    fleet.set_addresses(EndpointId(i), {fleet::Address{}});
  }
  fleet.set_health(EndpointId(1), Health::kUnhealthy);
  fleet.set_health(EndpointId(1), Health::kHealthy, start);
  const fleet::Snapshot snapshot = *fleet.snapshot();
  const auto share = [&snapshot](TimePoint now) {
    int times = 0;
    for (std::uint32_t turn = 0; turn < 1100; ++turn) {
      PickRequest request{.balancer = config::LoadBalancer::kRoundRobin, .now = now};
      request.draw.turn = turn;
      if (pick(snapshot, request).view == &snapshot.endpoints[1]) ++times;
    }
    return times;
  };
  EXPECT_NEAR(share(start), 100, 10);
  EXPECT_NEAR(share(start + endpoint.health.slow_start / 2), 390, 20);
  EXPECT_EQ(share(start + endpoint.health.slow_start), 550);
}

/// A snapshot in which every list has to be looked into: its index knows none of the names, but
/// each in another spelling.
fleet::Snapshot without_index(const fleet::Snapshot& snapshot) {
  fleet::Snapshot plain = snapshot;
  auto spellings = std::make_shared<fleet::Listing>();
  spellings->ids = {"aX", "bX", "cX"};
  plain.model_index = std::make_shared<const fleet::ModelIndex>(
      std::vector<std::shared_ptr<const fleet::Listing>>{std::move(spellings)});
  return plain;
}

TEST(PickTest, TheIndexOfModelsChangesNoChoice) {
  Random random(20261124);
  const auto below = [&random](std::uint64_t bound) { return random.next() % bound; };
  const std::array<const char*, 3> types = {"vllm", "ollama", "openai"};
  const std::array<std::string, 4> models = {"ax", "AX", "bx", "cx"};
  for (int round = 0; round < 2000; ++round) {
    SCOPED_TRACE(round);
    std::vector<Spec> specs(1 + below(6));
    for (Spec& spec : specs) {
      spec.name = "x";
      spec.type = types[below(types.size())];
      spec.health = std::array{kUp, kUp, kDown, kNew}[below(4)];
      for (const std::string& model : models) {
        if (below(3) == 0) spec.models.push_back(model);
      }
      spec.listed = below(4) != 0;
      spec.resolved = below(8) != 0;
      spec.draining = below(8) == 0;
      if (below(4) == 0) spec.missing.emplace_back("/v1/x");
      spec.limit = static_cast<std::uint32_t>(below(3));
      spec.in_flight = static_cast<std::uint32_t>(below(3));
      spec.weight = static_cast<std::uint32_t>(1 + below(3));
    }
    const Scene scene(specs);
    const fleet::Snapshot plain = without_index(scene.snapshot());
    const std::array<EndpointId, 1> tried = {EndpointId(0)};
    PickRequest request;
    if (below(2) == 0) request.provider = vllm();
    request.model = models[below(models.size())];
    request.route = "/v1/x";
    request.spares_vllm = below(8) == 0;
    if (below(4) == 0) request.tried = tried;
    if (below(8) == 0) request.only = EndpointId(0);
    request.draw = {static_cast<std::uint32_t>(round), random.next()};
    const Pick one = pick(scene.snapshot(), request);
    const Pick other = pick(plain, request);
    const auto place = [](const Pick& picked, const fleet::Snapshot& snapshot) {
      return picked.view == nullptr ? -1 : picked.view - snapshot.endpoints.data();
    };
    ASSERT_EQ(place(one, scene.snapshot()), place(other, plain));
    ASSERT_EQ(one.model, other.model);
    ASSERT_EQ(one.able, other.able);
    if (one.view == nullptr) {
      ASSERT_EQ(one.reason, other.reason);
    }
  }
}

TEST(PickTest, AnEndpointThatWasFilledSinceIsNotBooked) {
  const Scene scene({{.name = "a", .in_flight = 1, .limit = 2}});
  const Pick one = pick(scene.snapshot(), {});
  const Pick other = pick(scene.snapshot(), {});
  const fleet::Booking booking = book(one, {});
  EXPECT_TRUE(booking);
  EXPECT_FALSE(book(other, {}));
  EXPECT_EQ(scene.in_flight(0), 2u);
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
    const PickRequest request{.draw = {.turn = static_cast<std::uint32_t>(random.next())}};
    bookings.push_back(book(pick(scene.snapshot(), request), {}));
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
    const Pick picked = pick(scene.snapshot(), {.draw = {.turn = i}});
    ASSERT_NE(picked.view, nullptr);
    for (std::size_t other = 0; other < 5; ++other)
      ASSERT_LE(picked.view->live->in_flight, scene.in_flight(other));
    bookings.push_back(book(picked, {}));
  }
  bookings.clear();
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(scene.in_flight(i), 0u);
}

TEST(PickTest, ARouteGoesToTheKindsOfServersThatAreKnownToHaveIt) {
  const config::Profile* ollama = config::builtin_profiles()->of_type("ollama");
  const config::Profile* const known[] = {ollama};
  PickRequest request;
  request.provider = Provider::any();
  request.known_for_it = known;
  const Scene both({{"a", kUp}, {"b", kUp, {}, 5, "ollama"}});
  EXPECT_EQ(both.pick_name(request), "b");
  // Others come in when there is none of them.
  const Scene none({{"a", kUp}, {"b", kDown, {}, 0, "ollama"}});
  EXPECT_EQ(none.pick_name(request), "a");
  // Who has the model is the first question.
  const Scene other({{"a", kUp, {"m"}}, {"b", kUp, {"x"}, 0, "ollama"}});
  request.model = "m";
  EXPECT_EQ(other.pick_name(request), "a");
}

}  // namespace
}  // namespace olla::routing
