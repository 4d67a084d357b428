#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

namespace olla::bench {

/// Ends the program with the name of the call that failed and the reason: a benchmark that goes on
/// after a failure measures something else.
[[noreturn]] void die(const char* call);

/// The first address of a fleet: 127.1.0.0. All of 127.0.0.0/8 is this machine's.
constexpr std::uint32_t kFleetAddress = 0x7F010000;

/// A non-blocking listening socket. `address` is one of IPv4, the first byte the highest.
[[nodiscard]] int listen_on(std::uint16_t port, std::uint32_t address = INADDR_LOOPBACK);

/// The next connection of a listener, non-blocking and without Nagle's delay; -1: there is none.
[[nodiscard]] int accept_from(int listener);

/// A non-blocking connection to 127.0.0.1, without Nagle's delay, that may still be on its way.
[[nodiscard]] int connect_to(std::uint16_t port);

/// Allows as many open files as the system lets this process have.
void raise_file_limit();

/// What is ready, level-triggered. Not thread-safe.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// `owner` comes back with each event. A descriptor that is closed leaves by itself.
  void add(int descriptor, std::uint32_t events, void* owner) const;
  void change(int descriptor, std::uint32_t events, void* owner) const;

  /// Waits until something is ready, but not beyond `until_ns` on the monotonic clock; negative:
  /// forever. The events are good until the next call.
  [[nodiscard]] std::span<const epoll_event> wait(std::int64_t until_ns);

 private:
  int descriptor_;
  std::array<epoll_event, 256> events_ = {};
};

}  // namespace olla::bench
