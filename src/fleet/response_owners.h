#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/strong.h"

namespace olla::fleet {

/// Which endpoint keeps an answer of the Responses API: a server stores what it answered, and
/// later requests name it by its id.
///
/// Thread-safe; each call holds a lock for the time of one look-up.
class ResponseOwners {
 public:
  /// The oldest are forgotten beyond this many; vLLM itself keeps them in memory.
  static constexpr std::size_t kMax = 100'000;
  /// Ids longer than this are nobody's.
  static constexpr std::size_t kIdBytesMax = 256;

  void remember(std::string_view response_id, EndpointId owner);
  [[nodiscard]] std::optional<EndpointId> find(std::string_view response_id) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, EndpointId> owners_;
  std::deque<std::string> in_order_;
};

}  // namespace olla::fleet
