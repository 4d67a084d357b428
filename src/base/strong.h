#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace olla {

/// An integer that only mixes with its own kind: an EndpointId is not a count.
/// Construction and `.value()` are explicit; there is no arithmetic.
template <class Tag, class Rep>
class Strong {
 public:
  constexpr Strong() = default;
  explicit constexpr Strong(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  Rep value_{};
};

/// Position of an endpoint in the config; stable while the process runs.
using EndpointId = Strong<struct EndpointIdTag, std::uint32_t>;

}  // namespace olla

template <class Tag, class Rep>
struct std::hash<olla::Strong<Tag, Rep>> {
  std::size_t operator()(olla::Strong<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
