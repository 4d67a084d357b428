#include "routing/strategy.h"

#include <gtest/gtest.h>

#include <vector>

namespace olla::routing {
namespace {

using config::Fallback;
using config::RoutingStrategy;

config::ModelRegistry rules(RoutingStrategy strategy, Fallback fallback = Fallback::kCompatibleOnly,
                            bool refresh = false) {
  config::ModelRegistry made;
  made.strategy = strategy;
  made.fallback = fallback;
  made.discovery_refresh_on_miss = refresh;
  return made;
}

const fleet::EndpointView kView;

Pick found() {
  Pick pick{&kView};
  pick.able = 1;
  return pick;
}

Pick none(NoPick reason) {
  Pick pick;
  pick.reason = reason;
  return pick;
}

std::string text_of(const Decision& decision) {
  std::string text(decision.strategy);
  text.append(" ").append(decision.decision).append(" ").append(decision.reason);
  if (decision.status != 0) text.append(" ").append(std::to_string(decision.status));
  return text;
}

struct Case {
  const char* name;
  config::ModelRegistry rules;
  Lists lists;
  const char* known;     // There is an endpoint.
  const char* not_here;  // Some have the model, but are no candidates.
  const char* unknown;   // Nobody has it.
};

const Case kCases[] = {
    {"strict", rules(RoutingStrategy::kStrict), Lists::kAsKnown, "strict routed model_found",
     "strict rejected model_unavailable 503", "strict rejected model_not_found 404"},
    {"optimistic, no fallback", rules(RoutingStrategy::kOptimistic, Fallback::kNone),
     Lists::kAsKnown, "optimistic routed model_found",
     "optimistic rejected model_unavailable_no_fallback 503",
     "optimistic rejected model_not_found 404"},
    {"optimistic, compatible only", rules(RoutingStrategy::kOptimistic), Lists::kAsKnown,
     "optimistic routed model_found", "optimistic rejected model_unavailable_compatible_only 503",
     "optimistic rejected model_not_found 404"},
    {"discovery without a refresh", rules(RoutingStrategy::kDiscovery, Fallback::kAll),
     Lists::kAsKnown, "discovery routed model_found_no_refresh",
     "discovery rejected model_unavailable_no_refresh 503",
     "discovery rejected model_unavailable_no_refresh 503"},
    {"discovery after a refresh",
     rules(RoutingStrategy::kDiscovery, Fallback::kCompatibleOnly, true), Lists::kRefreshed,
     "discovery routed model_found", "discovery rejected model_unavailable_after_discovery 503",
     "discovery rejected model_not_found 404"},
    {"discovery that took too long",
     rules(RoutingStrategy::kDiscovery, Fallback::kCompatibleOnly, true), Lists::kTimedOut,
     "discovery routed model_found", "discovery rejected discovery_failed_timeout 503",
     "discovery rejected discovery_failed_timeout 503"},
};

TEST(StrategyTest, DecidesAsTheTableSays) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(text_of(decide(c.rules, found(), c.lists, {})), c.known);
    EXPECT_EQ(text_of(decide(c.rules, none(NoPick::kNoneReady), c.lists, {})), c.not_here);
    EXPECT_EQ(text_of(decide(c.rules, none(NoPick::kOtherProviders), c.lists, {})), c.not_here);
    EXPECT_EQ(text_of(decide(c.rules, none(NoPick::kUnknownModel), c.lists, {})), c.unknown);
    EXPECT_FALSE(falls_back(c.rules, NoPick::kUnknownModel, c.lists));
    EXPECT_FALSE(falls_back(c.rules, NoPick::kNoneReady, c.lists));
  }
}

TEST(StrategyTest, FallsBackWhereTheRulesAllowIt) {
  const auto optimistic = rules(RoutingStrategy::kOptimistic, Fallback::kAll);
  for (const NoPick reason : {NoPick::kUnknownModel, NoPick::kOtherProviders, NoPick::kNoneReady})
    EXPECT_TRUE(falls_back(optimistic, reason, Lists::kAsKnown));
  // Those that have the model are busy, or failed this request, or there is nobody anyway.
  for (const NoPick reason :
       {NoPick::kAllFull, NoPick::kAllTried, NoPick::kNoEndpoints, NoPick::kSpared})
    EXPECT_FALSE(falls_back(optimistic, reason, Lists::kAsKnown));
  EXPECT_EQ(text_of(decide(optimistic, found(), Lists::kAsKnown, NoPick::kUnknownModel)),
            "optimistic fallback model_not_found_fallback");
  EXPECT_EQ(text_of(decide(optimistic, found(), Lists::kAsKnown, NoPick::kNoneReady)),
            "optimistic fallback all_healthy_fallback");
  EXPECT_EQ(
      text_of(decide(optimistic, none(NoPick::kNoneReady), Lists::kAsKnown, NoPick::kUnknownModel)),
      "optimistic rejected model_unavailable 503");
  const auto discovery = rules(RoutingStrategy::kDiscovery, Fallback::kAll, true);
  EXPECT_FALSE(falls_back(discovery, NoPick::kUnknownModel, Lists::kAsKnown));
  EXPECT_TRUE(falls_back(discovery, NoPick::kUnknownModel, Lists::kRefreshed));
  EXPECT_EQ(text_of(decide(discovery, found(), Lists::kRefreshed, NoPick::kUnknownModel)),
            "discovery fallback all_healthy_after_discovery");
}

TEST(StrategyTest, HasTheListsReadAnewBeforeAMissIsActedOn) {
  for (const auto& strategy :
       {rules(RoutingStrategy::kStrict), rules(RoutingStrategy::kOptimistic, Fallback::kAll)}) {
    for (const NoPick reason : {NoPick::kUnknownModel, NoPick::kOtherProviders})
      EXPECT_EQ(renewal(strategy, none(reason)), Renewal::kBefore);
    for (const NoPick reason : {NoPick::kNoneReady, NoPick::kAllFull, NoPick::kNoEndpoints})
      EXPECT_EQ(renewal(strategy, none(reason)), Renewal::kNone);
    EXPECT_EQ(renewal(strategy, found()), Renewal::kNone);
    for (Pick doubtful : {found(), none(NoPick::kNoneReady), none(NoPick::kAllFull)}) {
      doubtful.in_doubt = true;
      EXPECT_EQ(renewal(strategy, doubtful), Renewal::kBefore);
    }
  }
}

TEST(StrategyTest, TheDiscoveryStrategySaysItselfWhetherARequestWaitsForLists) {
  const auto waits = rules(RoutingStrategy::kDiscovery, Fallback::kNone, true);
  EXPECT_EQ(renewal(waits, none(NoPick::kUnknownModel)), Renewal::kBefore);
  EXPECT_EQ(renewal(waits, none(NoPick::kNoneReady)), Renewal::kBefore);
  EXPECT_EQ(renewal(waits, none(NoPick::kAllFull)), Renewal::kNone);
  EXPECT_EQ(renewal(waits, found()), Renewal::kNone);
  const auto goes_on = rules(RoutingStrategy::kDiscovery);
  EXPECT_EQ(renewal(goes_on, none(NoPick::kUnknownModel)), Renewal::kBehind);
  EXPECT_EQ(renewal(goes_on, none(NoPick::kNoneReady)), Renewal::kNone);
  Pick doubtful = found();
  doubtful.in_doubt = true;
  EXPECT_EQ(renewal(waits, doubtful), Renewal::kBefore);
  EXPECT_EQ(renewal(goes_on, doubtful), Renewal::kBehind);
}

TEST(StrategyTest, AnAliasIsAStrategyOfItsOwn) {
  const auto strict = rules(RoutingStrategy::kStrict);
  Pick pick = found();
  pick.by_alias = true;
  pick.able = 3;
  const Decision decision = decide(strict, pick, Lists::kAsKnown, {});
  std::string fields;
  append_fields(decision, "My Alias", fields);
  EXPECT_EQ(fields,
            "X-Olla-Routing-Strategy: alias\r\nX-Olla-Routing-Decision: routed\r\n"
            "X-Olla-Routing-Reason: alias \"My Alias\" resolved to 3 endpoint(s)\r\n");
  fields.clear();
  append_fields(decision, "a\r\nX: y", fields);
  EXPECT_EQ(fields,
            "X-Olla-Routing-Strategy: alias\r\nX-Olla-Routing-Decision: routed\r\n"
            "X-Olla-Routing-Reason: alias resolved to 3 endpoint(s)\r\n");
  pick = none(NoPick::kNoneReady);
  pick.by_alias = true;
  EXPECT_EQ(text_of(decide(strict, pick, Lists::kAsKnown, {})),
            "alias rejected model_unavailable 503");
}

TEST(StrategyTest, WhatHasNothingToDoWithTheModelIsNoDecision) {
  const auto strict = rules(RoutingStrategy::kStrict);
  std::string fields;
  append_fields(decide(strict, none(NoPick::kNoEndpoints), Lists::kAsKnown, {}), "m", fields);
  append_fields({}, "m", fields);
  EXPECT_EQ(fields, "");
  // The model was found, and those that have it are busy.
  Pick full = none(NoPick::kAllFull);
  full.able = 1;
  EXPECT_EQ(text_of(decide(strict, full, Lists::kAsKnown, {})), "strict routed model_found");
}

TEST(StrategyTest, OllaW22FindsAnAliasWhateverTheCaseOfItsLetters) {
  const std::vector<config::ModelAlias> aliases = {{"GPT-4", {"x"}}, {"gpt", {"y"}}};
  for (const char* name : {"GPT-4", "gpt-4", "Gpt-4"})
    EXPECT_EQ(find_alias(aliases, name), &aliases[0]) << name;
  EXPECT_EQ(find_alias(aliases, "GPT"), &aliases[1]);
  for (const char* name : {"gpt-", "gpt-44", "", "GPT_4"})
    EXPECT_EQ(find_alias(aliases, name), nullptr) << name;
}

}  // namespace
}  // namespace olla::routing
