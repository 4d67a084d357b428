#include "test/peer.h"

#include <boost/asio/buffer.hpp>
#include <filesystem>

namespace olla::test {
namespace {

const net::Tcp::endpoint kAnyPort(net::asio::ip::address_v4::loopback(), 0);

}  // namespace

std::shared_ptr<Peer> Peer::connect(Loop& loop, std::uint16_t port) {
  net::Socket socket(loop.io());
  socket.connect({net::asio::ip::address_v4::loopback(), port});
  return std::make_shared<Peer>(std::move(socket));
}

void Peer::read() {
  read_on();
}

void Peer::read_on() {
  socket_.async_read_some(net::asio::buffer(room_),
                          [self = shared_from_this()](net::error_code error, std::size_t bytes) {
                            self->received_.append(self->room_.data(), bytes);
                            if (error) {
                              self->ended_ = true;
                              self->was_reset_ = error == net::asio::error::connection_reset;
                            } else {
                              self->read_on();
                            }
                            if (self->on_read) self->on_read();
                          });
}

void Peer::send(std::string_view bytes) {
  unsent_.append(bytes);
  if (!sending_) send_on();
}

void Peer::send_on() {
  sending_ = !unsent_.empty();
  if (!sending_) {
    net::error_code ignored;
    if (shutdown_after_) socket_.shutdown(net::Tcp::socket::shutdown_send, ignored);
    return;
  }
  net::error_code error;
  socket_.non_blocking(true, error);
  const std::size_t sent = socket_.write_some(net::asio::buffer(unsent_), error);
  unsent_.erase(0, sent);
  if (error && error != net::asio::error::would_block) {
    unsent_.clear();  // The other end is gone, as a test may want it.
    sending_ = false;
    return;
  }
  if (unsent_.empty()) return send_on();
  socket_.async_wait(net::Socket::wait_write, [self = shared_from_this()](net::error_code failed) {
    if (!failed) self->send_on();
  });
}

void Peer::close_sending_side() {
  shutdown_after_ = true;
  if (!sending_) send_on();
}

void Peer::close() {
  net::error_code ignored;
  socket_.close(ignored);
}

void Peer::reset() {
  net::error_code ignored;
  socket_.set_option(net::asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

Pair make_pair(Loop& loop) {
  net::Acceptor acceptor(loop.io(), kAnyPort);
  auto peer = Peer::connect(loop, acceptor.local_endpoint().port());
  return {acceptor.accept(), std::move(peer)};
}

DeadPort::DeadPort(Loop& loop)
    : bound_(loop.io(), kAnyPort), port_(bound_.local_endpoint().port()) {}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

}  // namespace olla::test
