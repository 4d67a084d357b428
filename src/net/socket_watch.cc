#include "net/socket_watch.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/detail/scheduler.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace olla::net {
namespace {

namespace detail = asio::detail;

#if !defined(BOOST_ASIO_HAS_EPOLL)
#error "SocketWatch is made for Asio's epoll_reactor."
#endif

using Operation = detail::scheduler_operation;

/// Reaches what Asio keeps for its own operations on a socket.
struct SocketInternals : Socket {
  static detail::reactor::per_descriptor_data& data_of(Socket& socket) {
    return (socket.*&SocketInternals::impl_).get_implementation().reactor_data_;
  }
};

/// And the events of epoll for which the reactor tries the operations on a descriptor.
struct EventInternals : Operation {
  using BasePointer = Operation*;
  static unsigned int events_of(detail::reactor::per_descriptor_data data) {
    // No named cast reaches a private base. NOLINTNEXTLINE(google-readability-casting)
    return BasePointer(data)->*&EventInternals::task_result_;
  }
};

}  // namespace

/// The operations that wait in Asio's reactor, and what they saw. Each is there all the time but
/// for the moment in which it tells of an event.
class SocketWatch::State {
 public:
  State(Socket& socket, SocketListener& listener)
      : socket_(&socket),
        listener_(&listener),
        reactor_(asio::use_service<detail::reactor>(socket.get_executor().context())),
        scheduler_(asio::use_service<detail::scheduler>(socket.get_executor().context())) {
    constexpr int kOn = 1;
    // Where the kernel does not know it, each read is followed by one that finds nothing.
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INQ, &kOn, sizeof kOn);
    arm(reading_);
  }

  void detach() {
    socket_ = nullptr;
    listener_ = nullptr;
    release();
  }

  void await_writable() {
    if (!writing_.armed) arm(writing_);
  }

  void kick() {
    if (kicked_) return;
    kicked_ = true;
    ++holders_;
    scheduler_.post_immediate_completion(&kick_, /*is_continuation=*/false);
  }

  /// By the kernel there is nothing more to read. `surely`: nor was there an error.
  void note_empty(bool surely) {
    if (surely) failed_ = false;
    readable_ = failed_;
    // An event that came in between would find no operation to tell.
    look_again_ = look_again_ || reading_.told;
  }

  [[nodiscard]] bool readable() const { return readable_; }
  bool take_writable() { return std::exchange(writable_, false); }

 private:
  /// Waits for one kind of event.
  struct Wait : detail::reactor_op {
    Wait(State& owner, int event_kind, perform_func_type note)
        : reactor_op(error_code(), note, &State::on_event), state(owner), kind(event_kind) {}
    State& state;
    const int kind;
    bool armed = false;
    bool told = false;  // There was an event, and on_event() will be called for it.
  };

  struct Kick : Operation {
    explicit Kick(State& owner) : Operation(&State::on_kick), state(owner) {}
    State& state;
  };

  ~State() = default;

  void arm(Wait& wait) {
    wait.armed = true;
    wait.ec_ = error_code();
    ++holders_;
    arming_ = true;
    reactor_.start_op(wait.kind, socket_->native_handle(), SocketInternals::data_of(*socket_),
                      &wait, /*is_continuation=*/false, /*allow_speculative=*/true);
    arming_ = false;
  }

  void release() {
    if (--holders_ == 0) delete this;
  }

  static detail::reactor_op::status on_readable(detail::reactor_op* operation) {
    Wait& wait = *static_cast<Wait*>(operation);
    State& state = wait.state;
    // Asio tries each operation once before it waits.
    if (state.arming_) return detail::reactor_op::not_done;
    state.readable_ = true;
    if (state.socket_ != nullptr) {
      const unsigned events = EventInternals::events_of(SocketInternals::data_of(*state.socket_));
      state.failed_ = state.failed_ || (events & (EPOLLERR | EPOLLHUP)) != 0;
    }
    wait.told = true;
    return detail::reactor_op::done;
  }

  static detail::reactor_op::status on_writable(detail::reactor_op* operation) {
    Wait& wait = *static_cast<Wait*>(operation);
    if (wait.state.arming_) return detail::reactor_op::not_done;
    wait.state.writable_ = true;
    wait.told = true;
    return detail::reactor_op::done;
  }

  /// Something happened, or the socket was closed.
  static void on_event(void* owner, Operation* operation, const error_code&, std::size_t) {
    Wait& wait = *static_cast<Wait*>(operation);
    State& state = wait.state;
    wait.armed = wait.told = false;
    const bool reads = &wait == &state.reading_;
    const bool open = owner != nullptr && !wait.ec_ && state.socket_ != nullptr;
    if (open && reads) {
      state.arm(wait);
      state.readable_ = state.readable_ || std::exchange(state.look_again_, false);
    }
    state.tell(owner);
    state.release();
  }

  static void on_kick(void* owner, Operation* operation, const error_code&, std::size_t) {
    State& state = static_cast<Kick*>(operation)->state;
    state.kicked_ = false;
    state.tell(owner);
    state.release();
  }

  /// `owner` is null when the io_context ends, with all that waits on it.
  void tell(const void* owner) {
    if (listener_ == nullptr) return;
    if (owner != nullptr) {
      listener_->on_socket_event();
    } else {
      listener_->on_socket_abandoned();
    }
  }

  Socket* socket_;  // Null, as the next, when the watch has ended.
  SocketListener* listener_;
  detail::reactor& reactor_;
  detail::scheduler& scheduler_;
  Wait reading_{*this, detail::reactor::read_op, &State::on_readable};
  Wait writing_{*this, detail::reactor::write_op, &State::on_writable};
  Kick kick_{*this};
  int holders_ = 1;       // The watch, and each operation that Asio has.
  bool readable_ = true;  // What came before the start was not told.
  bool writable_ = false;
  bool failed_ = false;  // What the kernel says of bytes that are left does not tell of errors.
  bool look_again_ = false;
  bool kicked_ = false;
  bool arming_ = false;
};

void SocketWatch::start() {
  stop();
  state_ = new State(socket_, listener_);
}

void SocketWatch::stop() {
  if (state_ != nullptr) state_->detach();
  state_ = nullptr;
}

bool SocketWatch::may_read() const {
  return state_ != nullptr && state_->readable();
}

std::size_t SocketWatch::read(char* to, std::size_t room, error_code& error) {
  iovec piece{.iov_base = to, .iov_len = room};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    error.assign(errno, asio::error::get_system_category());
    if (error == asio::error::would_block) note_empty();
    return 0;
  }
  if (got == 0) {
    error = asio::error::eof;
    return 0;
  }
  error = {};
  int left = 1;
  const cmsghdr* told = CMSG_FIRSTHDR(&message);
  if (told != nullptr && told->cmsg_level == IPPROTO_TCP && told->cmsg_type == TCP_CM_INQ)
    std::memcpy(&left, CMSG_DATA(told), sizeof left);
  if (left == 0 && state_ != nullptr) state_->note_empty(/*surely=*/false);
  return static_cast<std::size_t>(got);
}

void SocketWatch::note_empty() {
  if (state_ != nullptr) state_->note_empty(/*surely=*/true);
}

void SocketWatch::await_writable() {
  if (state_ != nullptr && socket_.is_open()) state_->await_writable();
}

bool SocketWatch::take_writable() {
  return state_ != nullptr && state_->take_writable();
}

void SocketWatch::kick() {
  if (state_ != nullptr) state_->kick();
}

}  // namespace olla::net
