#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// The configuration as the rest of the program sees it: plain structs, checked and complete.
///
/// The initialisers are the defaults. config::load() makes a Config from a file and enforces the
/// ranges; schema.h lists the keys of the file; docs/configuration.md explains them to the
/// operator.
namespace olla::config {

/// Limits on what a client may send. A request over one of them is refused.
struct RequestLimits {
  /// Bytes of one request body. A body is held in memory once, since a retry needs it.
  std::uint64_t max_body_size = 100ULL << 20;
  /// Bytes of one request head: the request line and all header fields. At least 4096.
  std::uint64_t max_header_size = 1ULL << 20;
};

/// The side that clients connect to.
struct Server {
  /// Name or address to listen on, without brackets.
  std::string host = "localhost";
  /// 0: the system picks a free port.
  std::uint16_t port = 40114;
  /// Threads that serve connections. 0: one per core.
  std::uint32_t threads = 0;
  /// From the first byte of a request to the end of its head.
  std::chrono::milliseconds read_header_timeout{std::chrono::seconds(10)};
  /// Longest silence while a request body arrives.
  std::chrono::milliseconds read_timeout{std::chrono::seconds(30)};
  /// Longest silence between two requests on one connection. The loader sets it to read_timeout
  /// when the file does not give it, or gives 0.
  std::chrono::milliseconds idle_timeout{std::chrono::seconds(30)};
  /// How long running requests may go on after a signal to stop. 0: they are cut at once.
  std::chrono::milliseconds shutdown_timeout{std::chrono::seconds(10)};
  RequestLimits request_limits;
};

/// The side that connects to endpoints.
struct Proxy {
  /// Longest wait for a connection to an endpoint. Olla waits 60 s; here a request that waits for a
  /// dead host is one that another endpoint could already be answering.
  std::chrono::milliseconds connection_timeout{std::chrono::seconds(5)};
  /// Longest wait for the head of an answer. Long, because an answer that is not streamed sends its
  /// head only when the generation is over.
  std::chrono::milliseconds response_header_timeout{std::chrono::minutes(15)};
  /// Longest gap between two pieces of an answer's body: from the endpoint, or towards a client
  /// that does not read.
  std::chrono::milliseconds read_timeout{std::chrono::minutes(10)};
};

/// One header field. As an endpoint's header the name is a token of RFC 9110 section 5.6.2 and the
/// value holds no control character but tab; environment variables are already substituted, so the
/// value may be a secret and belongs in no log.
struct Header {
  std::string name;
  std::string value;
};

/// Where an HTTP server is.
struct Url {
  std::string scheme;      ///< Lower case; always "http" for now.
  std::string host;        ///< Lower case name or address; an IPv6 address has no brackets.
  std::string path;        ///< With its query, as written; "/" when the URL has none.
  std::uint16_t port = 0;  ///< Never 0 in a parsed URL.

  /// The value of a Host header: the host, an IPv6 address in brackets, and the port unless it is
  /// the scheme's default (RFC 9110 section 7.2).
  [[nodiscard]] std::string authority() const;
};

/// One backend server.
struct Endpoint {
  std::string url;   ///< As the file has it; for people. Holds no credentials.
  std::string name;  ///< Unique; 1 to 128 visible ASCII characters; "host:port" by default.
  std::string type;  ///< Canonical name of an endpoint_type().
  Url address;       ///< `url`, parsed. Requests go to its host and port; its path is not used.
  int priority = 100;
  /// Where models are listed and health is asked: a path with the path of `url` already before it,
  /// or an absolute URL that parse_url() accepts. The defaults come from the type.
  std::string model_url;
  std::string health_check_url;
  /// From the start of one health check to the start of the next.
  std::chrono::milliseconds check_interval{std::chrono::seconds(5)};
  /// Longest duration of one health check; at most check_interval.
  std::chrono::milliseconds check_timeout{std::chrono::seconds(2)};
  /// Where NVIDIA's dcgm-exporter of the endpoint's machine answers, an absolute URL that
  /// parse_url() accepts; empty: there is none.
  std::string gpu_metrics_url;
  /// Sent with every request and health check, in place of the client's headers of these names.
  std::vector<Header> headers;
  /// Whether the client's own credentials (Authorization and its kin) reach this endpoint.
  bool forward_client_auth = false;
  /// Line of the file where the endpoint starts, from 1. 0: it does not come from a file.
  std::size_t line = 0;
};

/// What the gateway does for endpoints of type "vllm" alone.
struct Vllm {
  /// From the start of one reading of an endpoint's /metrics to the start of the next. 0: they are
  /// not read.
  std::chrono::milliseconds metrics_interval{std::chrono::seconds(1)};
  /// Whether parameters that an endpoint's version does not take are translated for it.
  bool translate_parameters = true;
  /// Paths that change or expose a server and that clients may ask for all the same, such as
  /// "/sleep". A '*' at the end stands for any rest.
  std::vector<std::string> admin_routes;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kJson, kText };

struct Logging {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
};

struct Config {
  Server server;
  Proxy proxy;
  Vllm vllm;
  std::vector<Endpoint> endpoints;
  Logging logging;
};

}  // namespace olla::config
