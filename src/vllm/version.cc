#include "vllm/version.h"

#include <charconv>
#include <string>

#include "openai/members.h"
#include "openai/request.h"

namespace olla::vllm {
namespace {

// Takes the number that `text` begins with off it.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// Takes ".7" off `text`. 0 when no further number stands there.
std::optional<std::uint32_t> take_part(std::string_view& text) {
  if (text.size() < 2 || text[0] != '.' || text[1] < '0' || text[1] > '9') return 0;
  text.remove_prefix(1);
  return take_number(text);
}

struct Suffix {
  std::string_view word;
  Phase phase;
};

constexpr Suffix kSuffixes[] = {
    {"dev", Phase::kDevelopment}, {"alpha", Phase::kCandidate}, {"beta", Phase::kCandidate},
    {"rc", Phase::kCandidate},    {"a", Phase::kCandidate},     {"b", Phase::kCandidate},
    {"post", Phase::kPost},
};

// Reads ".post2", "rc1" or nothing. False when something else stands there.
bool read_suffix(std::string_view text, Version& version) {
  text = text.substr(0, text.find('+'));
  if (text.empty()) return true;
  if (text[0] == '.' || text[0] == '-' || text[0] == '_') text.remove_prefix(1);
  for (const Suffix& suffix : kSuffixes) {
    if (!text.starts_with(suffix.word)) continue;
    text.remove_prefix(suffix.word.size());
    version.phase = suffix.phase;
    version.phase_number = take_number(text).value_or(0);
    return text.empty() || text[0] == '.';
  }
  return false;
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version version;
  const auto major = take_number(text);
  if (!major || !text.starts_with('.')) return std::nullopt;
  const auto minor = take_part(text);
  const auto patch = take_part(text);
  if (!minor || !patch) return std::nullopt;
  version.major = *major;
  version.minor = *minor;
  version.patch = *patch;
  if (!read_suffix(text, version)) return std::nullopt;
  const bool without_tags = *major == 0 && *minor == 1 && version.phase == Phase::kDevelopment;
  if (without_tags) return std::nullopt;
  return version;
}

std::optional<std::string> version_text(std::string_view json) {
  openai::MemberScanner members(json);
  openai::Member member;
  std::string_view value;
  while (members.next(member)) {
    if (openai::key_is(member.key, "version")) value = member.value;
  }
  if (members.malformed() || value.size() < 2 || value.front() != '"') return std::nullopt;
  return openai::decode_json_string(value.substr(1, value.size() - 2));
}

}  // namespace olla::vllm
