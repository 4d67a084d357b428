#include "net/listener.h"

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <exception>

#include "net/spawn.h"

namespace olla::net {
namespace {

// Connections that the kernel holds for us while all threads are busy.
constexpr int kBacklog = 4096;

// Port 0 on a name with several addresses: the port that the system picks for the first one may be
// taken on the next. Then another is picked, this many times in all.
constexpr int kPortAttempts = 20;

// The pause after an accept failed for want of file descriptors or memory.
constexpr std::chrono::milliseconds kAcceptPause{50};

error_code bind_to(Acceptor& acceptor, const Tcp::endpoint& endpoint, bool takes_all) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(Acceptor::reuse_address(true), error);
  // "::" alone is every address that this machine has, also those of IPv4, whatever the system's
  // own setting is. Beside others it must not take their port.
  if (endpoint.address().is_v6())
    acceptor.set_option(asio::ip::v6_only(!takes_all || !endpoint.address().is_unspecified()),
                        error);
  acceptor.bind(endpoint, error);
  return error;
}

/// Takes one port of all addresses that this machine has: `port`, or the one that the system picks
/// for the first address. Listens there, if it is to.
error_code take_all(asio::io_context& io, const Tcp::resolver::results_type& found,
                    std::uint16_t port, bool listens, std::vector<Acceptor>& out) {
  out.clear();
  error_code error = asio::error::host_not_found;
  for (const auto& one : found) {
    Tcp::endpoint endpoint = one.endpoint();
    endpoint.port(port);
    Acceptor acceptor(io);
    error = bind_to(acceptor, endpoint, /*takes_all=*/found.size() == 1);
    if (!error && listens) acceptor.listen(kBacklog, error);
    if (!error) {
      port = acceptor.local_endpoint().port();
      out.push_back(std::move(acceptor));
    } else if (error != asio::error::address_family_not_supported &&
               error != boost::system::errc::address_not_available) {
      // A name may lead to an address that this machine does not have (::1 without IPv6).
      return error;
    }
  }
  return out.empty() ? error : error_code();
}

}  // namespace

Result<std::uint16_t> Listener::open(const std::string& host, std::uint16_t port) {
  const error_code error = take(host, port, /*listens=*/true);
  if (!error) return acceptors_.front().local_endpoint().port();
  acceptors_.clear();
  return Error{Errc::kRefused, Side::kGateway,
               host + ":" + std::to_string(port) + ": " + error.message()};
}

Result<void> Listener::check(const std::string& host, std::uint16_t port) {
  asio::io_context io(1);
  Listener listener(io);
  const error_code error = listener.take(host, port, /*listens=*/false);
  if (!error || error == asio::error::address_in_use) return Result<void>();
  return Error{Errc::kRefused, Side::kGateway, error.message()};
}

error_code Listener::take(const std::string& host, std::uint16_t port, bool listens) {
  asio::ip::basic_resolver<Tcp, Executor> resolver(io_);
  error_code error;
  const auto found = resolver.resolve(host, std::to_string(port), Tcp::resolver::passive, error);
  if (!error) error = take_all(io_, found, port, listens, acceptors_);
  for (int attempt = 1; attempt < kPortAttempts; ++attempt) {
    if (port != 0 || error != asio::error::address_in_use) break;
    error = take_all(io_, found, port, listens, acceptors_);
  }
  return error;
}

void Listener::start(Choose choose) {
  choose_ = std::move(choose);
  for (Acceptor& acceptor : acceptors_) {
    spawn(io_, accept_loop(acceptor), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
}

Awaitable<void> Listener::accept_loop(Acceptor& acceptor) {
  while (acceptor.is_open()) {
    ConnectionSink& sink = choose_();
    auto [error, socket] = co_await acceptor.async_accept(sink.io(), kAwait);
    if (!error) {
      sink.serve(std::move(socket));
    } else if (acceptor.is_open()) {
      Timer pause(io_, kAcceptPause);
      co_await pause.async_wait(kAwait);
    }
  }
}

void Listener::close() {
  for (Acceptor& acceptor : acceptors_) {
    error_code ignored;
    acceptor.close(ignored);
  }
}

}  // namespace olla::net
