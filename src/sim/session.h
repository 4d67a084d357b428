#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <optional>

#include "net/deadlines.h"
#include "net/server_connection.h"
#include "net/types.h"
#include "net/waiter.h"
#include "sim/api.h"
#include "sim/middleware.h"

namespace olla::sim {

/// What the connections of one server share. Belongs to one thread.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual Api& api() = 0;
  virtual ApiTime time() = 0;
  virtual net::Deadlines& deadlines() = 0;
  virtual Middleware& middleware() = 0;
  /// A request was taken: the engine may have to be advanced earlier than before.
  virtual void on_submitted() = 0;
  /// Connections end after the answer that they are at.
  [[nodiscard]] virtual bool closing() const = 0;
};

/// One client connection of the simulated server: reads requests, lets the API answer, writes the
/// events of a stream as they come, and notices a client that leaves.
class Session : public boost::intrusive::list_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                private net::LeaveListener,
                private GenerationListener {
 public:
  /// `host` must outlive the session.
  Session(SessionHost& host, std::shared_ptr<net::ServerConnection> connection);

  /// Serves the connection until it ends. The session must outlive the returned awaitable.
  net::Awaitable<void> run();

  /// Closes the connection unless it has a request. The session may be gone after this call.
  void close_if_idle();

  /// Cuts the connection. run() ends, at once or when the io_context next runs: the session may be
  /// gone after this call.
  void stop();

 private:
  /// Wakes the coroutine when a pause is over.
  class Pause : public net::Deadline {
   public:
    Pause(net::Deadlines& keeper, net::Waiter& waiter) : Deadline(keeper), waiter_(waiter) {}
    [[nodiscard]] bool over() const { return over_; }

   private:
    void on_deadline() override {
      over_ = true;
      waiter_.wake();
    }
    net::Waiter& waiter_;
    bool over_ = false;
  };

  net::Awaitable<bool> serve_request();
  net::Awaitable<bool> serve_whole_request();
  net::Awaitable<bool> serve_well();
  net::Awaitable<bool> suffer(Fault fault);
  net::Awaitable<bool> break_stream(FaultKind kind);
  net::Awaitable<void> pause(Duration duration);
  net::Awaitable<void> wait_for_the_client_to_leave();
  net::Awaitable<bool> refuse();
  net::Awaitable<bool> refuse_websocket();
  net::Awaitable<bool> write_reply(Reply& reply);
  net::Awaitable<bool> write_answer(Answer& answer, bool refused = false);
  net::Awaitable<bool> write_generation();
  net::Awaitable<bool> write_stream();
  net::Awaitable<bool> write_garbage();
  [[nodiscard]] bool is_http() const;
  [[nodiscard]] bool is_websocket() const;
  [[nodiscard]] bool closes() const;
  void count(TimePoint began);
  [[nodiscard]] Reply ask();
  [[nodiscard]] std::optional<Fault> strike_request();
  [[nodiscard]] std::optional<Fault> strike_stream();
  void drop_generation();

  void on_client_left() override;
  void on_ready() override;

  SessionHost& host_;
  std::shared_ptr<net::ServerConnection> connection_;
  net::Waiter waiter_;
  std::unique_ptr<Generation> generation_;  // What the current request waits for, if anything.
  int status_ = 0;                          // Of the application's answer; 0: none was begun.
  std::size_t answer_bytes_ = 0;            // What its content-length says.
  bool busy_ = false;                       // A request is being answered.
  bool left_ = false;
};

}  // namespace olla::sim
