#include "net/listener.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <exception>

namespace olla::net {
namespace {

// Connections that the kernel holds for us while all threads are busy.
constexpr int kBacklog = 4096;

// The pause after an accept failed for want of file descriptors or memory.
constexpr std::chrono::milliseconds kAcceptPause{50};

error_code listen_on(Acceptor& acceptor, const Tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(Acceptor::reuse_address(true), error);
  // "::" must not take the IPv4 port as well: it has an acceptor of its own where it is wanted.
  if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  acceptor.bind(endpoint, error);
  if (error) return error;
  acceptor.listen(kBacklog, error);
  return error;
}

}  // namespace

Result<std::uint16_t> Listener::open(const std::string& host, std::uint16_t port) {
  asio::ip::basic_resolver<Tcp, Executor> resolver(io_);
  error_code error;
  const auto found = resolver.resolve(host, std::to_string(port), Tcp::resolver::passive, error);
  const std::string where = host + ":" + std::to_string(port);
  if (error) return Error{Errc::kRefused, Side::kGateway, where + ": " + error.message()};
  for (const auto& one : found) {
    Tcp::endpoint endpoint = one.endpoint();
    endpoint.port(port);
    Acceptor acceptor(io_);
    error = listen_on(acceptor, endpoint);
    if (!error) {
      port = acceptor.local_endpoint().port();
      acceptors_.push_back(std::move(acceptor));
    } else if (error != asio::error::address_family_not_supported &&
               error != boost::system::errc::address_not_available) {
      // A name may lead to an address that this machine does not have (::1 without IPv6).
      return Error{Errc::kRefused, Side::kGateway, where + ": " + error.message()};
    }
  }
  if (acceptors_.empty()) {
    return Error{Errc::kRefused, Side::kGateway, where + ": " + error.message()};
  }
  return port;
}

void Listener::start(Choose choose) {
  choose_ = std::move(choose);
  for (Acceptor& acceptor : acceptors_) {
    asio::co_spawn(io_, accept_loop(acceptor), [](std::exception_ptr failure) {
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
