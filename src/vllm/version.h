#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace olla::vllm {

/// How far a release was when the server was built, in the order of Python's version numbers.
enum class Phase : std::uint8_t { kDevelopment, kCandidate, kRelease, kPost };

/// The version of a vLLM server. Ordered as Python orders versions: 0.11.0.dev3 < 0.11.0rc1 <
/// 0.11.0 < 0.11.0.post1 < 0.11.1.
struct Version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;
  Phase phase = Phase::kRelease;
  std::uint32_t phase_number = 0;  ///< The 2 of ".post2".

  friend constexpr auto operator<=>(const Version&, const Version&) = default;

  /// Whether this is release `since` or a later one, where a candidate and a development build
  /// count as the release that they led to. For asking what a server knows.
  [[nodiscard]] constexpr bool is_at_least(const Version& since) const {
    if (major != since.major) return major > since.major;
    if (minor != since.minor) return minor > since.minor;
    return patch >= since.patch;
  }
};

/// For a server that does not tell its version: it is taken for the newest.
inline constexpr Version kNewestVersion = {.major = std::numeric_limits<std::uint32_t>::max()};

/// Reads "0.32.0", "v0.6.3", "0.11.0.post2", "0.11.1rc3.dev40+gabc" or "0.8.5.dev12+gabc".
/// A missing patch is 0; what stands behind the first suffix does not count.
///
/// nullopt for anything else, and for a development build of 0.1 (a build from sources without
/// their tags calls itself "0.1.dev1", whatever it is): see kNewestVersion.
[[nodiscard]] std::optional<Version> parse_version(std::string_view text);

/// The version in an answer of GET /version, {"version":"0.32.0"}; nullopt when it is no such
/// document.
[[nodiscard]] std::optional<std::string> version_text(std::string_view json);

}  // namespace olla::vllm
