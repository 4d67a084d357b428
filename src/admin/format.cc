#include "admin/format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <numeric>
#include <tuple>

namespace olla::admin {
namespace {

std::string fixed(double value, int decimals) {
  std::array<char, 64> text;
  const int size = std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return {text.data(), static_cast<std::size_t>(size)};
}

/// "12s", "3m", "5h", "2d": the coarsest unit alone, rounded from minutes on.
std::string coarse(WallTime::duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  constexpr double kMinute = 60;
  constexpr double kHour = 3600;
  constexpr double kDay = 24 * kHour;
  if (seconds < kMinute) return std::to_string(static_cast<std::int64_t>(seconds)) + "s";
  if (seconds < kHour) return std::to_string(std::llround(seconds / kMinute)) + "m";
  if (seconds < kDay) return std::to_string(std::llround(seconds / kHour)) + "h";
  return std::to_string(std::llround(seconds / kDay)) + "d";
}

/// `value` with at most nine decimals, without zeros at the end.
std::string trimmed(double value) {
  std::string text = fixed(value, 9);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"KB", "MB", "GB", "TB", "PB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit)
    value /= 1024;
  return fixed(value, 2).append(" ").append(kUnits.at(unit));
}

std::string percent_text(double percent) {
  if (percent == 0) return "0%";
  if (percent == 100) return "100%";
  return fixed(percent, 1) + "%";
}

std::string latency_text(std::int64_t milliseconds) {
  if (milliseconds < 1000) return std::to_string(milliseconds) + "ms";
  return fixed(static_cast<double>(milliseconds) / 1000, 1) + "s";
}

std::string ago_text(std::optional<WallTime> then, WallTime now) {
  if (!then) return "never";
  return coarse(std::max(now - *then, WallTime::duration::zero())) + " ago";
}

std::string until_text(std::optional<WallTime> then, WallTime now) {
  if (!then) return "unknown";
  if (*then <= now) return "now";
  return "in " + coarse(*then - now);
}

std::string uptime_text(Duration uptime) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = minutes / 60;
  if (minutes == 0) return std::to_string(seconds) + "s";
  if (hours == 0) return std::to_string(minutes) + "m";
  if (hours < 24) return std::to_string(hours) + "h " + std::to_string(minutes % 60) + "m";
  return std::to_string(hours / 24) + "d " + std::to_string(hours % 24) + "h";
}

std::string go_duration_text(std::chrono::nanoseconds duration) {
  const std::int64_t nanoseconds = duration.count();
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 1'000) return std::to_string(nanoseconds) + "ns";
  const auto count = static_cast<double>(nanoseconds);
  if (nanoseconds < 1'000'000) return trimmed(count / 1e3) + "\xc2\xb5s";
  if (nanoseconds < 1'000'000'000) return trimmed(count / 1e6) + "ms";
  const std::int64_t seconds = nanoseconds / 1'000'000'000;
  std::string text;
  if (seconds >= 3600) text += std::to_string(seconds / 3600) + "h";
  if (seconds >= 60) text += std::to_string(seconds / 60 % 60) + "m";
  return text + std::to_string(seconds % 60) + "s";
}

std::string time_text(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text;
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text.data(), size);
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time - whole).count();
  if (nanoseconds > 0) {
    std::string fraction = std::to_string(nanoseconds);
    fraction.insert(0, 9 - fraction.size(), '0');
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out.append(".").append(fraction);
  }
  return out + "Z";
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::string_view authority = url.substr(host, url.find('/', host) - host);
  const std::size_t at = authority.rfind('@');
  std::string shown(url.substr(0, host));
  return shown.append(url.substr(at == std::string_view::npos ? host : host + at + 1));
}

std::string endpoint_id(std::string_view url) {
  std::uint32_t hash = 2166136261U;  // FNV-1a, 32 bit.
  for (const char c : shown_url(url)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return base36(hash);
}

std::vector<std::string> endpoint_ids(const std::vector<NamedUrl>& endpoints) {
  std::vector<std::string> ids(endpoints.size());
  for (std::size_t i = 0; i < endpoints.size(); ++i)
    ids[i] = endpoint_id(endpoints[i].url);
  // In the order of ids and then of names, so that equal ids lie side by side.
  std::vector<std::size_t> order(endpoints.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(ids[a], endpoints[a].name) < std::tie(ids[b], endpoints[b].name);
  });
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && ids[order[end]] == ids[order[first]])
      ++end;
    const std::string shared = ids[order[first]];
    for (std::size_t i = first; end - first > 1 && i < end; ++i)
      ids[order[i]] = shared + "-" + std::to_string(i - first);
    first = end;
  }
  return ids;
}

std::string base36(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string text;
  do {
    text.push_back(kDigits[value % 36]);
    value /= 36;
  } while (value > 0);
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace olla::admin
