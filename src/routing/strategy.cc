#include "routing/strategy.h"

#include <algorithm>

namespace olla::routing {
namespace {

using config::Fallback;
using config::RoutingStrategy;

constexpr std::string_view kNotFound = "model_not_found";

std::string_view name_of(RoutingStrategy strategy) {
  switch (strategy) {
    case RoutingStrategy::kOptimistic:
      return "optimistic";
    case RoutingStrategy::kDiscovery:
      return "discovery";
    case RoutingStrategy::kStrict:
      break;
  }
  return "strict";
}

/// Whether no endpoint that has the model can be had at all: not for a moment, as when all are full
/// or have failed this request.
bool lacks_model(NoPick reason) {
  return reason == NoPick::kUnknownModel || reason == NoPick::kOtherProviders ||
         reason == NoPick::kNoneReady;
}

std::string_view found_word(const config::ModelRegistry& rules, Lists lists) {
  const bool as_known = rules.strategy == RoutingStrategy::kDiscovery && lists == Lists::kAsKnown;
  return as_known ? "model_found_no_refresh" : "model_found";
}

std::string_view fallback_word(const config::ModelRegistry& rules, NoPick reason) {
  if (rules.strategy == RoutingStrategy::kDiscovery) return "all_healthy_after_discovery";
  return reason == NoPick::kUnknownModel ? "model_not_found_fallback" : "all_healthy_fallback";
}

std::string_view unavailable_word(const config::ModelRegistry& rules, Lists lists) {
  if (rules.strategy == RoutingStrategy::kDiscovery) {
    if (lists == Lists::kAsKnown) return "model_unavailable_no_refresh";
    return lists == Lists::kTimedOut ? "discovery_failed_timeout"
                                     : "model_unavailable_after_discovery";
  }
  if (rules.strategy == RoutingStrategy::kOptimistic) {
    if (rules.fallback == Fallback::kNone) return "model_unavailable_no_fallback";
    if (rules.fallback == Fallback::kCompatibleOnly) return "model_unavailable_compatible_only";
  }
  return "model_unavailable";
}

Decision rejection(const config::ModelRegistry& rules, NoPick reason, Lists lists) {
  Decision decision{.strategy = name_of(rules.strategy), .decision = "rejected"};
  // Lists that were not all read do not show that nobody has the model.
  const bool certain = rules.strategy != RoutingStrategy::kDiscovery || lists == Lists::kRefreshed;
  if (reason == NoPick::kUnknownModel && certain) {
    decision.reason = kNotFound;
    decision.status = 404;
  } else {
    decision.reason = unavailable_word(rules, lists);
    decision.status = 503;
  }
  return decision;
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"';
  });
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char one, char other) { return lower(one) == lower(other); });
}

}  // namespace

Renewal renewal(const config::ModelRegistry& rules, const Pick& pick) {
  const bool none = pick.view == nullptr;
  const bool missed =
      pick.in_doubt ||
      (none && (pick.reason == NoPick::kUnknownModel || pick.reason == NoPick::kOtherProviders));
  if (rules.strategy != RoutingStrategy::kDiscovery)
    return missed ? Renewal::kBefore : Renewal::kNone;
  // Of this strategy the config says whether a request may wait.
  if (rules.discovery_refresh_on_miss && (missed || (none && lacks_model(pick.reason))))
    return Renewal::kBefore;
  return missed ? Renewal::kBehind : Renewal::kNone;
}

bool falls_back(const config::ModelRegistry& rules, NoPick reason, Lists lists) {
  if (rules.fallback != Fallback::kAll || !lacks_model(reason)) return false;
  return rules.strategy == RoutingStrategy::kOptimistic ||
         (rules.strategy == RoutingStrategy::kDiscovery && lists != Lists::kAsKnown);
}

Decision decide(const config::ModelRegistry& rules, const Pick& pick, Lists lists,
                std::optional<NoPick> fell_back) {
  Decision decision{.strategy = name_of(rules.strategy), .decision = "routed"};
  if (pick.view == nullptr && lacks_model(fell_back.value_or(pick.reason))) {
    decision = rejection(rules, fell_back.value_or(pick.reason), lists);
    // It may go anywhere, but there is nobody: that is no fault of the model's name.
    if (fell_back) decision.reason = unavailable_word(rules, lists);
    if (fell_back) decision.status = 503;
    if (pick.by_alias) decision.strategy = "alias";
  } else if (fell_back) {
    decision.decision = "fallback";
    decision.reason = fallback_word(rules, *fell_back);
  } else if (pick.by_alias) {
    decision.strategy = "alias";
    decision.resolved = pick.able;
  } else if (pick.view == nullptr && pick.able == 0) {
    return {};  // Not the model's doing: the provider has no endpoints.
  } else {
    decision.reason = found_word(rules, lists);
  }
  return decision;
}

void append_fields(const Decision& decision, std::string_view model, std::string& out) {
  if (decision.strategy.empty()) return;
  out.append("X-Olla-Routing-Strategy: ").append(decision.strategy);
  out.append("\r\nX-Olla-Routing-Decision: ").append(decision.decision);
  out.append("\r\nX-Olla-Routing-Reason: ");
  if (!decision.reason.empty()) {
    out.append(decision.reason).append("\r\n");
    return;
  }
  out.append("alias ");
  if (is_printable(model)) out.append("\"").append(model).append("\" ");
  out.append("resolved to ").append(std::to_string(decision.resolved)).append(" endpoint(s)\r\n");
}

const config::ModelAlias* find_alias(std::span<const config::ModelAlias> aliases,
                                     std::string_view name) {
  const auto found = std::find_if(aliases.begin(), aliases.end(), [name](const auto& alias) {
    return equal_ignoring_case(alias.name, name);
  });
  return found == aliases.end() ? nullptr : &*found;
}

}  // namespace olla::routing
