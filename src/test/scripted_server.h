#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/types.h"
#include "test/loop.h"
#include "test/peer.h"

namespace olla::test {

/// An HTTP server on 127.0.0.1 that reads whole requests and answers as the test says. It closes a
/// connection whose other end is closed.
class ScriptedServer {
 public:
  /// What to do with a whole request, given as its bytes.
  using OnRequest = std::function<void(Peer& connection, const std::string& request)>;

  ScriptedServer(Loop& loop, OnRequest on_request);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// Replaces what is done with the requests from here on.
  void on_request(OnRequest on_request) { on_request_ = std::move(on_request); }
  /// Called with each new connection.
  std::function<void(Peer&)> on_connection;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }
  /// All connections so far, in order.
  [[nodiscard]] const std::vector<std::shared_ptr<Peer>>& connections() const {
    return connections_;
  }
  /// Closes the connections that are open; goes on listening.
  void drop_connections();
  /// What a process does that is killed: its port refuses, its connections are reset.
  void die();
  [[nodiscard]] bool is_dead() const { return !acceptor_.is_open(); }

 private:
  void accept();
  void look_for_request(Peer& connection);

  net::Acceptor acceptor_;
  std::uint16_t port_ = 0;
  OnRequest on_request_;
  std::vector<std::shared_ptr<Peer>> connections_;
  std::vector<std::string> requests_;
};

/// An answer of HTTP/1.1 with a sized body.
std::string sized_answer(std::string_view status_line_rest, std::string_view body,
                         std::string_view fields = {});
/// Each piece as a chunk; without the last chunk.
std::string chunked(std::initializer_list<std::string_view> pieces);

/// The usual reactions.
ScriptedServer::OnRequest answers(std::string bytes);
ScriptedServer::OnRequest answers_and_closes(std::string bytes);
ScriptedServer::OnRequest resets();
ScriptedServer::OnRequest closes();
ScriptedServer::OnRequest stays_silent();

}  // namespace olla::test
