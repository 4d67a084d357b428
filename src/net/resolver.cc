#include "net/resolver.h"

#include <netdb.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "net/address.h"
#include "net/waiter.h"

namespace olla::net {

/// One coroutine that waits for a name. Belongs to the thread of the io_context.
struct Resolver::Waiting : Deadline {
  using Deadline::Deadline;
  using Deadline::keeper_stopped;
  void on_deadline() override { waiter.wake(); }

  Waiter waiter;
  std::optional<Found> found;  // Empty when the time is up.
};

Resolver::Resolver(asio::io_context& io, Deadlines& deadlines)
    : Resolver(io, deadlines, look_up_name) {}

Resolver::Resolver(asio::io_context& io, Deadlines& deadlines, LookUp look_up)
    : io_(io), deadlines_(deadlines), look_up_(std::move(look_up)) {}

Resolver::~Resolver() {
  self_.reset();
  if (!threads_) return;
  threads_->stop();  // Names that no thread has taken yet are not looked up any more.
  threads_->join();
}

Awaitable<Resolver::Found> Resolver::resolve(std::string host, std::uint16_t port, Duration limit) {
  if (const auto literal = literal_address(host, port)) {
    co_return std::vector<fleet::Address>(1, *literal);
  }
  // Owned here and not by the coroutine, which it owns while it waits.
  auto owned = std::make_unique<Waiting>(deadlines_);
  Waiting& waiting = *owned;
  if (waiting.keeper_stopped()) {
    co_return Error{Errc::kTimeout, Side::kUpstream, host + ": not looked up any more"};
  }
  waiting_.emplace(host, std::move(owned));
  if (running_.insert(host).second) start(host);
  waiting.expire_after(limit);
  co_await waiting.waiter.wait();

  if (!waiting.found) {
    give_up(host, waiting);
    co_return Error{Errc::kTimeout, Side::kUpstream, host + ": the name look-up takes too long"};
  }
  Found found = std::move(*waiting.found);
  if (found) {
    for (fleet::Address& address : *found)
      address.port = port;
  }
  co_return found;
}

void Resolver::start(const std::string& host) {
  if (!threads_) threads_.emplace(kThreads);
  // The threads end before the resolver does, so they may use it; what they post may come later.
  asio::post(*threads_, [this, host, self = std::weak_ptr(self_)] {
    auto deliver = [host, self, found = look_up_(host)] {
      if (const auto resolver = self.lock()) (*resolver)->finish(host, found);
    };
    asio::post(io_, std::move(deliver));
  });
}

void Resolver::finish(const std::string& host, const Found& found) {
  running_.erase(host);
  // Taken out first: a coroutine that is woken may ask for the same name again.
  std::vector<std::unique_ptr<Waiting>> all;
  const auto [begin, end] = waiting_.equal_range(host);
  for (auto it = begin; it != end; ++it) {
    it->second->found = found;
    all.push_back(std::move(it->second));
  }
  waiting_.erase(begin, end);
  for (const auto& waiting : all)
    waiting->waiter.wake();
}

void Resolver::give_up(const std::string& host, const Waiting& waiting) {
  const auto [begin, end] = waiting_.equal_range(host);
  for (auto it = begin; it != end; ++it) {
    if (it->second.get() == &waiting) {
      waiting_.erase(it);
      return;
    }
  }
}

Resolver::Found look_up_name(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (failed != 0) {
    const std::string why = failed == EAI_SYSTEM ? std::generic_category().message(errno)
                                                 : std::string(::gai_strerror(failed));
    return Error{Errc::kRefused, Side::kUpstream, host + ": " + why};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::vector<fleet::Address> out;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
    Tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
    endpoint.resize(one->ai_addrlen);
    out.push_back(from_asio(endpoint));
  }
  if (out.empty()) return Error{Errc::kRefused, Side::kUpstream, host + ": no address"};
  return out;
}

}  // namespace olla::net
