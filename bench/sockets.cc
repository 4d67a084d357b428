#include "bench/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "bench/process.h"

namespace olla::bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// More than any workload opens at once, so that the queue of a listener is never what is measured.
constexpr int kBacklog = 4096;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_option(int descriptor, int level, int option, int value) {
  if (setsockopt(descriptor, level, option, &value, sizeof value) != 0) die("setsockopt");
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

void die(const char* call) {
  std::perror(call);
  std::exit(1);
}

int listen_on(std::uint16_t port, std::uint32_t address) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) die("socket");
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  sockaddr_in place = loopback(port);
  place.sin_addr.s_addr = htonl(address);
  if (bind(descriptor, generic(place), sizeof place) != 0) die("bind");
  if (listen(descriptor, kBacklog) != 0) die("listen");
  return descriptor;
}

int accept_from(int listener) {
  const int descriptor = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor >= 0) {
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  } else if (errno != EAGAIN && errno != ECONNABORTED) {
    die("accept4");
  }
  return descriptor;
}

int connect_to(std::uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) die("socket");
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  const sockaddr_in address = loopback(port);
  if (connect(descriptor, generic(address), sizeof address) != 0 && errno != EINPROGRESS)
    die("connect");
  return descriptor;
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit");
}

Poller::Poller() : descriptor_(epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) die("epoll_create1");
}

Poller::~Poller() {
  close(descriptor_);
}

void Poller::add(int descriptor, std::uint32_t events, void* owner) const {
  epoll_event event{.events = events, .data = {.ptr = owner}};
  if (epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) != 0) die("epoll_ctl");
}

void Poller::change(int descriptor, std::uint32_t events, void* owner) const {
  epoll_event event{.events = events, .data = {.ptr = owner}};
  if (epoll_ctl(descriptor_, EPOLL_CTL_MOD, descriptor, &event) != 0) die("epoll_ctl");
}

std::span<const epoll_event> Poller::wait(std::int64_t until_ns) {
  timespec left{};
  if (until_ns >= 0) {
    const std::int64_t left_ns = std::max<std::int64_t>(0, until_ns - now_ns());
    left = {.tv_sec = left_ns / kSecond, .tv_nsec = left_ns % kSecond};
  }
  const timespec* limit = until_ns >= 0 ? &left : nullptr;
  // epoll_wait knows whole milliseconds alone, which events 20 ms apart would show.
  const int count =
      epoll_pwait2(descriptor_, events_.data(), static_cast<int>(events_.size()), limit, nullptr);
  if (count < 0 && errno != EINTR) die("epoll_pwait2");
  return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

}  // namespace olla::bench
