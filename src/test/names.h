#pragma once

#include <array>
#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/resolver.h"

namespace olla::test {

/// A name service of the test's own: every name stands for 127.0.0.1, and one that begins with
/// "silent" is not answered before the test says so. Declare it before the resolver that asks it.
class Names {
 public:
  enum class Mode { kAnswers, kFails, kSilent };

  Names() = default;
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  net::Resolver::LookUp look_up() {
    return [this](const std::string& host) -> net::Resolver::Found {
      const Mode now = mode;
      ++asked;
      ++asked_in[static_cast<std::size_t>(now)];
      if (now == Mode::kFails) return Error{Errc::kRefused, Side::kUpstream, "the test says no"};
      if (now == Mode::kSilent || host.starts_with("silent")) released_.wait();
      return std::vector<fleet::Address>(1, *net::literal_address("127.0.0.1", 0));
    };
  }
  /// Ends the silence for good. To be called before the resolver is destroyed.
  void release() {
    if (!gate_open_) gate_.set_value();
    gate_open_ = true;
  }

  std::atomic<Mode> mode{Mode::kAnswers};
  std::atomic<int> asked{0};                   ///< Look-ups begun.
  std::array<std::atomic<int>, 3> asked_in{};  ///< Those of a mode.

 private:
  std::promise<void> gate_;
  std::shared_future<void> released_{gate_.get_future()};
  bool gate_open_ = false;
};

}  // namespace olla::test
