#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "fleet/address.h"
#include "net/deadlines.h"
#include "net/types.h"

namespace olla::net {

/// Finds the addresses of names, each within a time limit.
///
/// The system's look-up blocks for as long as a name server is silent and cannot be taken back, so
/// it runs on threads of the resolver's own: kThreads names that hang delay no other, and a caller
/// waits no longer than it wants to. Callers that ask for one name at a time share one look-up, so
/// that a name that hangs takes one thread, however often it is asked for.
///
/// All functions are called on the thread that runs `io`.
class Resolver {
 public:
  using Found = Result<std::vector<fleet::Address>>;
  /// Looks a name up and blocks meanwhile; the ports are ignored. Called on several threads at
  /// once.
  using LookUp = std::function<Found(const std::string& host)>;

  static constexpr std::size_t kThreads = 8;

  /// Asks the system (getaddrinfo). `io` and `deadlines` must outlive the resolver.
  Resolver(asio::io_context& io, Deadlines& deadlines);
  Resolver(asio::io_context& io, Deadlines& deadlines, LookUp look_up);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  /// Waits for the look-ups that run. Coroutines that still wait are destroyed unfinished.
  ~Resolver();

  /// The addresses of `host` (a literal or a name), in the system's order. A literal costs no
  /// look-up. The resolver must outlive the returned awaitable.
  /// Errors, side kUpstream: kRefused when there is none, kTimeout after `limit` or
  /// Deadlines::expire_all().
  Awaitable<Found> resolve(std::string host, std::uint16_t port, Duration limit);

 private:
  struct Waiting;

  void start(const std::string& host);
  void finish(const std::string& host, const Found& found);
  void give_up(const std::string& host, const Waiting& waiting);

  asio::io_context& io_;
  Deadlines& deadlines_;
  const LookUp look_up_;
  std::set<std::string> running_;
  std::multimap<std::string, std::unique_ptr<Waiting>> waiting_;
  // Results come through `io_`, perhaps after the resolver is gone: then this is gone too.
  std::shared_ptr<Resolver*> self_ = std::make_shared<Resolver*>(this);
  std::optional<asio::thread_pool> threads_;  // Made for the first name: many fleets have none.
};

/// The system's answer for a name, with port 0. Blocks.
/// Errors: kRefused, side kUpstream.
Resolver::Found look_up_name(const std::string& host);

}  // namespace olla::net
