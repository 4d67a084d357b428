#include "test/scripted_server.h"

#include <charconv>
#include <cstdio>

namespace olla::test {
namespace {

/// Length of the first request in `bytes`; 0: not all there. Knows what a gateway sends: fields
/// spelt as usual, and chunks without "0\r\n" in their payload.
std::size_t request_size(std::string_view bytes) {
  const std::size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  const std::size_t body = head + 4;
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t length_at = bytes.substr(0, body).find(kLength);
  if (length_at != std::string_view::npos) {
    std::size_t length = 0;
    std::from_chars(bytes.data() + length_at + kLength.size(), bytes.data() + head, length);
    return bytes.size() < body + length ? 0 : body + length;
  }
  if (bytes.substr(0, body).find("Transfer-Encoding: chunked") == std::string_view::npos) {
    return body;
  }
  const std::size_t last = bytes.find("0\r\n", body);
  if (last == std::string_view::npos) return 0;
  const std::size_t end = bytes.find("\r\n\r\n", last);
  return end == std::string_view::npos ? 0 : end + 4;
}

}  // namespace

ScriptedServer::ScriptedServer(Loop& loop, OnRequest on_request)
    : acceptor_(loop.io(), net::Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()),
      on_request_(std::move(on_request)) {
  accept();
}

ScriptedServer::~ScriptedServer() {
  for (const auto& connection : connections_)
    connection->on_read = nullptr;
  drop_connections();
}

void ScriptedServer::accept() {
  acceptor_.async_accept([this](net::error_code error, net::Socket socket) {
    if (error) return;
    const auto connection = std::make_shared<Peer>(std::move(socket));
    connections_.push_back(connection);
    connection->on_read = [this, raw = connection.get()] {
      look_for_request(*raw);
      if (raw->ended()) raw->close();
    };
    connection->read();
    if (on_connection) on_connection(*connection);
    accept();
  });
}

void ScriptedServer::look_for_request(Peer& connection) {
  for (;;) {
    const std::size_t size = request_size(connection.received());
    if (size == 0) return;
    std::string rest = connection.take();
    requests_.push_back(rest.substr(0, size));
    connection.put_back(rest.substr(size));
    on_request_(connection, requests_.back());
  }
}

void ScriptedServer::drop_connections() {
  for (const auto& connection : connections_)
    connection->close();
}

void ScriptedServer::die() {
  net::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& connection : connections_)
    connection->reset();
}

std::string sized_answer(std::string_view status_line_rest, std::string_view body,
                         std::string_view fields) {
  return "HTTP/1.1 " + std::string(status_line_rest) + "\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string chunked(std::initializer_list<std::string_view> pieces) {
  std::string out;
  for (const std::string_view piece : pieces) {
    std::array<char, 20> digits{};
    std::snprintf(digits.data(), digits.size(), "%zx\r\n", piece.size());
    out.append(digits.data()).append(piece).append("\r\n");
  }
  return out;
}

ScriptedServer::OnRequest answers(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer, const std::string&) { peer.send(bytes); };
}

ScriptedServer::OnRequest answers_and_closes(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer, const std::string&) {
    peer.send(bytes);
    peer.close_sending_side();
  };
}

ScriptedServer::OnRequest resets() {
  return [](Peer& peer, const std::string&) { peer.reset(); };
}

ScriptedServer::OnRequest closes() {
  return [](Peer& peer, const std::string&) { peer.close(); };
}

ScriptedServer::OnRequest stays_silent() {
  return [](Peer&, const std::string&) {};
}

}  // namespace olla::test
