#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "config/config.h"

/// The words that the file, documents and metrics have for the values of an enumeration.
namespace olla::config {

template <class E>
struct Word {
  std::string_view word;
  E value;
};

inline constexpr Word<LoadBalancer> kLoadBalancers[] = {
    {"priority", LoadBalancer::kPriority},
    {"round-robin", LoadBalancer::kRoundRobin},
    {"least-connections", LoadBalancer::kLeastConnections},
    {"random", LoadBalancer::kRandom},
    {"power-of-two", LoadBalancer::kPowerOfTwo},
};

inline constexpr Word<StickyKeySource> kStickyKeySources[] = {
    {"session_header", StickyKeySource::kSessionHeader},
    {"prefix_hash", StickyKeySource::kPrefixHash},
    {"auth_header", StickyKeySource::kAuthHeader},
    {"ip", StickyKeySource::kIp},
};

inline constexpr Word<RoutingStrategy> kRoutingStrategies[] = {
    {"strict", RoutingStrategy::kStrict},
    {"optimistic", RoutingStrategy::kOptimistic},
    {"discovery", RoutingStrategy::kDiscovery},
};

inline constexpr Word<Fallback> kFallbacks[] = {
    {"none", Fallback::kNone},
    {"compatible_only", Fallback::kCompatibleOnly},
    {"all", Fallback::kAll},
};

/// "warning" is another word for kWarn.
inline constexpr Word<LogLevel> kLogLevels[] = {
    {"debug", LogLevel::kDebug},  {"info", LogLevel::kInfo},   {"warn", LogLevel::kWarn},
    {"warning", LogLevel::kWarn}, {"error", LogLevel::kError},
};

inline constexpr Word<LogFormat> kLogFormats[] = {
    {"json", LogFormat::kJson},
    {"text", LogFormat::kText},
};

inline constexpr Word<LogOutput> kLogOutputs[] = {
    {"stdout", LogOutput::kStdout},
    {"file", LogOutput::kFile},
};

/// The value that `word` stands for, written exactly so.
template <class E, std::size_t N>
constexpr std::optional<E> value_of(const Word<E> (&words)[N], std::string_view word) {
  for (const Word<E>& known : words)
    if (known.word == word) return known.value;
  return std::nullopt;
}

/// The first word for `value`.
template <class E, std::size_t N>
constexpr std::string_view word_of(const Word<E> (&words)[N], E value) {
  for (const Word<E>& known : words)
    if (known.value == value) return known.word;
  return "";
}

}  // namespace olla::config
