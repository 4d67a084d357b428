#include "proxy/chooser.h"

#include <gtest/gtest.h>

#include "test/gateway.h"
#include "test/loop.h"

namespace olla::proxy {
namespace {

using config::Fallback;
using config::RoutingStrategy;

/// Two endpoints, "e0" with the model "one" and "e1" with the model "two", and one request.
class ChooserTest : public testing::Test {
 protected:
  ChooserTest() : gateway_(loop_, test::config_for({1, 2})) {
    gateway_.fleet.set_models(EndpointId(0), {{.id = "one"}}, 0);
    gateway_.fleet.set_models(EndpointId(1), {{.id = "two"}}, 0);
    gateway_.services.snapshot = gateway_.fleet.snapshot();
  }

  void set_down(std::uint32_t endpoint) {
    gateway_.fleet.set_health(EndpointId(endpoint), fleet::Health::kUnhealthy);
    gateway_.services.snapshot = gateway_.fleet.snapshot();
  }

  config::ModelRegistry& rules() { return gateway_.config.model_registry; }

  /// The endpoint that is chosen, the body's new model if there is one, and the decision.
  std::string choose(const std::string& model, std::vector<std::uint32_t> tried = {},
                     routing::Lists lists = routing::Lists::kAsKnown) {
    openai::RequestFacts facts;
    if (!model.empty()) facts.model = model;
    Chooser chooser(gateway_.services, destination_);
    chooser.begin(facts, "");
    chooser.note_lists(lists);
    for (const std::uint32_t endpoint : tried)
      chooser.note_tried(EndpointId(endpoint));
    const bool can = chooser.another_can();
    const Chooser::Chosen chosen = chooser.choose(*gateway_.services.snapshot);
    EXPECT_EQ(can, chosen.pick.view != nullptr);
    EXPECT_EQ(gateway_.in_flight(), chosen.pick.view != nullptr ? 1u : 0u);
    std::string text = chosen.pick.view != nullptr ? chosen.pick.view->endpoint->config.name : "-";
    if (chosen.pick.model) text.append(" as ").append(*chosen.pick.model);
    std::string fields;
    chooser.append_fields(fields);
    for (const std::string_view name : {"Decision: ", "Reason: "}) {
      const std::size_t at = fields.find(name);
      if (at == std::string::npos) continue;
      const std::size_t begin = at + name.size();
      text.append(", ").append(fields, begin, fields.find('\r', begin) - begin);
    }
    return text;
  }

  test::Loop loop_;
  test::Gateway gateway_;
  Destination destination_{{}, "/v1/chat/completions", "/v1/chat/completions"};
};

TEST_F(ChooserTest, TellsHowTheModelWasRouted) {
  EXPECT_EQ(choose("two"), "e1, routed, model_found");
  EXPECT_EQ(choose("TWO"), "e1 as two, routed, model_found");
  EXPECT_EQ(choose("three"), "-, rejected, model_not_found");
  EXPECT_EQ(choose("two", {1}), "-, routed, model_found");
  set_down(1);
  EXPECT_EQ(choose("two"), "-, rejected, model_unavailable");
  EXPECT_EQ(choose(""), "e0");
}

TEST_F(ChooserTest, HasNothingToTellOfARequestThatWasRefusedBefore) {
  const Chooser chooser(gateway_.services, destination_);
  std::string fields;
  chooser.append_fields(fields);
  EXPECT_EQ(fields, "");
  EXPECT_FALSE(chooser.renames_answer());
}

TEST_F(ChooserTest, FallsBackToOtherEndpoints) {
  rules().strategy = RoutingStrategy::kOptimistic;
  rules().fallback = Fallback::kAll;
  EXPECT_EQ(choose("two"), "e1, routed, model_found");
  EXPECT_EQ(choose("three", {0}), "e1, fallback, model_not_found_fallback");
  EXPECT_EQ(choose("three", {0, 1}), "-, rejected, model_unavailable");
  set_down(1);
  EXPECT_EQ(choose("two"), "e0, fallback, all_healthy_fallback");
  set_down(0);
  EXPECT_EQ(choose("two"), "-, rejected, model_unavailable");
}

TEST_F(ChooserTest, WantsListsOnlyWhenTheModelIsMissed) {
  using routing::Renewal;
  const auto renewal = [this](const std::string& model) {
    openai::RequestFacts facts;
    facts.model = model;
    Chooser chooser(gateway_.services, destination_);
    chooser.begin(facts, "");
    (void)chooser.choose(*gateway_.services.snapshot);
    return chooser.renewal();
  };
  EXPECT_EQ(renewal("three"), Renewal::kBefore);
  EXPECT_EQ(renewal("two"), Renewal::kNone);
  EXPECT_EQ(renewal(""), Renewal::kNone);
  rules().strategy = RoutingStrategy::kOptimistic;
  rules().fallback = Fallback::kAll;
  EXPECT_EQ(renewal("three"), Renewal::kBefore) << "before it falls back";
  gateway_.config.model_discovery.enabled = false;
  EXPECT_EQ(renewal("three"), Renewal::kNone) << "there are no lists";
  gateway_.config.model_discovery.enabled = true;
  rules().fallback = Fallback::kCompatibleOnly;
  rules().strategy = RoutingStrategy::kDiscovery;
  EXPECT_EQ(renewal("three"), Renewal::kBehind);
  rules().discovery_refresh_on_miss = true;
  EXPECT_EQ(renewal("three"), Renewal::kBefore);
  EXPECT_EQ(renewal("two"), Renewal::kNone);
  EXPECT_EQ(choose("three", {}, routing::Lists::kRefreshed), "-, rejected, model_not_found");
  EXPECT_EQ(choose("three", {}, routing::Lists::kTimedOut),
            "-, rejected, discovery_failed_timeout");
}

TEST_F(ChooserTest, OllaW22ResolvesAnAliasWhateverTheCaseOfItsLetters) {
  gateway_.config.model_aliases = {{"My-Model", {"two", "one"}}};
  EXPECT_EQ(choose("my-MODEL", {0}),
            "e1 as two, routed, alias \"my-MODEL\" resolved to 2 endpoint(s)");
  EXPECT_EQ(choose("My-Model", {1}),
            "e0 as one, routed, alias \"My-Model\" resolved to 2 endpoint(s)");
  set_down(1);
  EXPECT_EQ(choose("my-model"), "e0 as one, routed, alias \"my-model\" resolved to 1 endpoint(s)");
  gateway_.config.model_aliases = {{"one", {"nobody's"}}, {"x", {"nobody's"}}};
  EXPECT_EQ(choose("ONE"), "e0 as one, routed, model_found");
  EXPECT_EQ(choose("x"), "-, rejected, model_not_found");
}

/// One request of a session: who gets it, and what the headers say.
class StickyTest : public ChooserTest {
 protected:
  StickyTest() { gateway_.config.proxy.sticky_sessions.enabled = true; }

  std::string ask(std::vector<http::Field> fields, const std::string& model = "both",
                  std::vector<std::uint32_t> failing = {}) {
    http::RequestHead head;
    head.fields = std::move(fields);
    openai::RequestFacts facts;
    facts.model = model;
    Chooser chooser(gateway_.services, destination_);
    chooser.begin(facts, "");
    chooser.join_session(head, "", "10.0.0.1");
    Chooser::Chosen chosen = chooser.choose(*gateway_.services.snapshot);
    for (const std::uint32_t endpoint : failing) {
      chooser.note_tried(EndpointId(endpoint));
      chosen = chooser.choose(*gateway_.services.snapshot);
    }
    std::string text = chosen.pick.view != nullptr ? chosen.pick.view->endpoint->config.name : "-";
    std::string told;
    chooser.append_fields(told);
    const std::size_t at = told.find("X-Olla-Sticky-Session");
    return at == std::string::npos ? text : text + "\n" + told.substr(at);
  }

  void SetUp() override {
    for (const std::uint32_t i : {0, 1})
      gateway_.fleet.set_models(EndpointId(i), {{.id = "both"}}, 0);
    gateway_.services.snapshot = gateway_.fleet.snapshot();
  }

  static std::string told(const std::string& endpoint, const std::string& result) {
    return endpoint + "\nX-Olla-Sticky-Session: " + result +
           "\r\nX-Olla-Sticky-Key-Source: session_header\r\nX-Olla-Session-ID: s\r\n";
  }
  const std::vector<http::Field> kSession = {{"x-olla-session-id", "s"}};
};

TEST_F(StickyTest, KeepsASessionOnItsEndpointUntilThatIsOut) {
  EXPECT_EQ(ask(kSession), told("e0", "miss"));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(kSession), told("e0", "hit"));
  EXPECT_NE(ask({{"X-Olla-Session-Id", "t"}}).find("miss"), std::string::npos) << "another one";
  set_down(0);
  EXPECT_EQ(ask(kSession), told("e1", "repin"));
  EXPECT_EQ(ask(kSession), told("e1", "hit"));
  const auto report = gateway_.shared.sticky_sessions.report(Clock::now());
  EXPECT_EQ(report.insertions, 2u);
  EXPECT_EQ(report.repins, 1u);
}

TEST_F(StickyTest, ASessionFollowsItsRequestToTheNextEndpoint) {
  EXPECT_EQ(ask(kSession, "both", {0}), told("e1", "miss"));
  EXPECT_EQ(ask(kSession), told("e1", "hit"));
  EXPECT_EQ(ask(kSession, "both", {1}), told("e0", "repin"));
  EXPECT_EQ(ask(kSession), told("e0", "hit"));
}

TEST_F(StickyTest, OllaW43LetsGoOfAnEndpointThatIsFarBusierThanTheOthers) {
  gateway_.config.proxy.sticky_sessions.max_imbalance = 2;
  EXPECT_EQ(ask(kSession), told("e0", "miss"));
  std::vector<fleet::Booking> load;
  fleet::Live& live = *gateway_.services.snapshot->endpoints[0].live;
  for (int i = 0; i < 2; ++i)
    load.emplace_back(live);
  EXPECT_EQ(ask(kSession), told("e0", "hit"));
  load.emplace_back(live);
  EXPECT_EQ(ask(kSession), told("e1", "repin"));
}

TEST_F(StickyTest, SaysWhenARequestHasNoSession) {
  EXPECT_EQ(ask({}), "e0\nX-Olla-Sticky-Session: disabled\r\n");
  EXPECT_EQ(ask({{"Authorization", "Bearer x"}}),
            "e1\nX-Olla-Sticky-Session: miss\r\nX-Olla-Sticky-Key-Source: auth_header\r\n");
  EXPECT_EQ(ask(kSession, "nobody's"), "-");
  gateway_.config.proxy.sticky_sessions.enabled = false;
  EXPECT_EQ(ask(kSession).find('\n'), std::string::npos);
}

// With one count for all of them, requests for two models by turns would reach two endpoints only.
TEST_F(ChooserTest, TheTurnsOfEachModelAreCountedApart) {
  test::Gateway four(loop_, test::config_for({1, 2, 3, 4}));
  for (std::uint32_t i = 0; i < 4; ++i)
    four.fleet.set_models(EndpointId(i), {{.id = i < 2 ? "one" : "two"}}, 0);
  four.services.snapshot = four.fleet.snapshot();
  std::string order;
  for (int i = 0; i < 8; ++i) {
    openai::RequestFacts facts;
    facts.model = i % 2 == 0 ? "one" : "two";
    Chooser chooser(four.services, destination_);
    chooser.begin(facts, "");
    order += chooser.choose(*four.services.snapshot).pick.view->endpoint->config.name.back();
  }
  EXPECT_EQ(order, "02130213");
}

}  // namespace
}  // namespace olla::proxy
