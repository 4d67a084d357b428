#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/profile.h"

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

/// How many requests clients may send. A number of 0 sets no limit.
struct RateLimits {
  std::uint32_t global_requests_per_minute = 0;  ///< Of all clients together.
  std::uint32_t per_ip_requests_per_minute = 0;  ///< Of one client address.
  std::uint32_t burst_size = 50;                 ///< Requests that may come at once; at least 1.
  /// How often the table of clients is searched for those that are not needed any more.
  std::chrono::milliseconds cleanup_interval{std::chrono::minutes(5)};
  /// Whether X-Forwarded-For of a trusted proxy names the client.
  bool trust_proxy_headers = false;
  /// Networks of trusted proxies, in text that base/cidr.h parses.
  std::vector<std::string> trusted_proxy_cidrs = {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12",
                                                  "192.168.0.0/16"};
};

/// Cross-origin access from browsers.
struct Cors {
  bool enabled = false;
  /// Such as "https://example.com"; one '*' in it stands for any text. Never empty when enabled,
  /// and "*" alone is not there with allow_credentials.
  std::vector<std::string> allowed_origins = {"*"};
  std::vector<std::string> allowed_methods = {"GET", "POST", "OPTIONS"};
  std::vector<std::string> allowed_headers = {"*"};  ///< "*": all.
  std::vector<std::string> exposed_headers;          ///< Empty: every X-Olla-* and X-RateLimit-*.
  bool allow_credentials = false;
  std::chrono::seconds max_age{300};
};

/// Who may use the gateway's own documents.
struct AccessPolicy {
  /// Of the peer, in text that base/cidr.h parses. Not empty.
  std::vector<std::string> allowed_cidrs = {"127.0.0.0/8", "::1/128"};
  /// What a Host header may name beside an IP literal, in lower case and without a port.
  std::vector<std::string> allowed_hosts = {"localhost"};
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
  RateLimits rate_limits;
  Cors cors;
  /// Whether a request that went well gets a line in the log; one that did not always does.
  bool request_logging = true;
};

/// Who gets the next request among the endpoints that can take it.
enum class LoadBalancer : std::uint8_t {
  kPriority,          ///< The highest priority; among equals as kLeastConnections.
  kRoundRobin,        ///< In turn, by weight.
  kLeastConnections,  ///< The fewest requests in flight for their weight; ties in turn.
  kRandom,            ///< By weight.
  kPowerOfTwo,        ///< The less busy of two random ones.
};

/// What tells the conversation that a request belongs to.
enum class StickyKeySource : std::uint8_t { kSessionHeader, kPrefixHash, kAuthHeader, kIp };

/// Keeping a conversation on one endpoint, whose cache holds its beginning.
struct StickySessions {
  bool enabled = false;
  std::chrono::seconds idle_ttl{600};  ///< 0: sessions do not end by time.
  std::uint32_t max_sessions = 10'000;
  /// Tried in this order; not empty.
  std::vector<StickyKeySource> key_sources = {
      StickyKeySource::kSessionHeader, StickyKeySource::kPrefixHash, StickyKeySource::kAuthHeader};
  std::uint32_t prefix_hash_bytes = 512;  ///< At least 1.
  /// Requests that the endpoint of a session may have in flight more than the least busy one that
  /// could take the request; over it the session moves. 0: it never does.
  std::uint32_t max_imbalance = 16;
};

/// When a request is tried on another endpoint. Only before the client has seen a byte.
struct Retry {
  bool enabled = true;
  std::uint32_t max_attempts = 0;  ///< Tries in all; 0: one per endpoint.
  /// Retries per 100 requests, over which failures go to the clients.
  std::uint32_t budget_percent = 50;
  /// Whether a POST that an endpoint has wholly received may be run again elsewhere when the answer
  /// does not come. Without it only for failures which show that nothing ran.
  bool non_idempotent = true;
};

/// Where requests wait while no endpoint can take them.
struct Queue {
  std::chrono::milliseconds wait{0};  ///< Longest wait; 0: none.
  std::uint32_t max_requests = 1024;  ///< That wait at once; those over it are refused.
};

/// Keeps requests from an endpoint that fails one after the other.
struct Breaker {
  bool enabled = true;
  std::uint32_t failures = 5;  ///< In a row, to open it.
  /// How long it stays open before one request may try again.
  std::chrono::milliseconds open_for{std::chrono::seconds(30)};
};

/// The side that connects to endpoints.
struct Proxy {
  /// "auto", "streaming" or "standard". Olla's, and told in documents alone: every piece of an
  /// answer is passed on as it comes.
  std::string profile = "auto";
  LoadBalancer load_balancer = LoadBalancer::kLeastConnections;
  StickySessions sticky_sessions;
  Retry retry;
  Queue queue;
  Breaker breaker;
  /// From a request's first byte until its answer begins, all tries and the queue included.
  std::chrono::milliseconds response_timeout{std::chrono::minutes(15)};
  /// Longest wait for a connection to an endpoint. Olla waits 60 s; here a request that waits for a
  /// dead host is one that another endpoint could already be answering.
  std::chrono::milliseconds connection_timeout{std::chrono::seconds(5)};
  /// Longest wait for the head of an answer. Long, because an answer that is not streamed sends its
  /// head only when the generation is over.
  std::chrono::milliseconds response_header_timeout{std::chrono::minutes(15)};
  /// Silence after which TCP asks whether the endpoint is still there. 0: it never does.
  std::chrono::milliseconds connection_keep_alive{std::chrono::seconds(30)};
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

/// Which of an endpoint's models are offered: patterns with '*' at the start, at the end or both,
/// compared without regard to the case of letters.
struct ModelFilter {
  std::vector<std::string> include;  ///< Empty: all.
  std::vector<std::string> exclude;  ///< Wins over `include`.
};

/// When the results of checks take an endpoint out and bring it back.
struct HealthRules {
  std::uint32_t unhealthy_after = 2;  ///< Failures in a row; at least 1.
  std::uint32_t healthy_after = 1;    ///< Successes in a row; at least 1.
  /// How long an endpoint that came back gets less than its share, growing to all of it.
  std::chrono::milliseconds slow_start{std::chrono::seconds(10)};
};

/// One backend server.
struct Endpoint {
  std::string url;   ///< As the file has it; for people. Holds no credentials.
  std::string name;  ///< Unique; 1 to 128 visible ASCII characters; "host:port" by default.
  std::string type;  ///< Name of a profile.
  Url address;       ///< `url`, parsed. Several endpoints may have one.
  /// Whether the type is to be found out; `type` is what the endpoint counts as until then.
  bool detects_type = false;
  int priority = 100;
  /// Its share of requests, as a multiple of that of an endpoint with 1.
  std::uint32_t weight = 1;
  /// Requests in flight there at most; those over it wait in the queue. 0: any number.
  std::uint32_t max_concurrent = 0;
  HealthRules health;
  ModelFilter model_filter;
  /// Whether the path of `url` goes before that of each proxied request.
  bool preserve_path = false;
  /// Where models are listed and health is asked: a path with the path of `url` already before it,
  /// or an absolute URL that parse_url() accepts. The defaults come from the type.
  std::string model_url;
  std::string health_check_url;
  /// Whether the file does not give them: then they follow the type, also one that is found out.
  bool default_model_url = false;
  bool default_health_check_url = false;
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

/// How the models of endpoints are found out.
struct ModelDiscovery {
  bool enabled = true;
  std::chrono::milliseconds interval{std::chrono::minutes(5)};
  std::chrono::milliseconds timeout{std::chrono::seconds(30)};
  std::uint32_t concurrent_workers = 5;  ///< Lists that are read at a time.
  std::uint32_t retry_attempts = 3;      ///< Of one reading that fails, before the interval.
  std::chrono::milliseconds retry_backoff{std::chrono::seconds(1)};  ///< Doubles each time.
};

/// What becomes of a request whose model is unknown or not available.
enum class RoutingStrategy : std::uint8_t {
  kStrict,      ///< It is refused.
  kOptimistic,  ///< It may go to another endpoint, by Fallback.
  kDiscovery,   ///< The model lists are read anew first.
};

/// To whom a request goes when no endpoint that has its model can take it.
enum class Fallback : std::uint8_t { kNone, kCompatibleOnly, kAll };

struct ModelRegistry {
  /// Whether models that several endpoints have under kindred names are put together.
  bool enable_unifier = true;
  std::chrono::milliseconds stale_threshold{std::chrono::hours(24)};
  std::chrono::milliseconds cleanup_interval{std::chrono::minutes(10)};
  RoutingStrategy strategy = RoutingStrategy::kStrict;
  Fallback fallback = Fallback::kCompatibleOnly;
  std::chrono::milliseconds discovery_timeout{std::chrono::seconds(2)};
  bool discovery_refresh_on_miss = false;
};

/// Another name for models: a request that names it goes to whoever has one of them.
struct ModelAlias {
  /// Compared without regard to the case of letters. Unique in that sense.
  std::string name;
  std::vector<std::string> models;  ///< The first that an endpoint has is what it is asked for.
};

/// The Messages API of Anthropic.
struct Anthropic {
  bool enabled = true;
  bool passthrough_enabled = true;
  std::uint64_t max_message_size = 10ULL << 20;  ///< Bytes of one request body.
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kJson, kText };
enum class LogOutput : std::uint8_t { kStdout, kFile };

struct Logging {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
  LogOutput output = LogOutput::kStdout;
  /// Of LogOutput::kFile: where olla.log is, the size at which it is renamed and a new one begun,
  /// and how many renamed ones are kept.
  std::string directory = "./logs";
  std::uint64_t file_bytes_max = 1ULL << 20;
  std::uint32_t files_kept = 7;
};

struct Config {
  Server server;
  /// The kinds of servers that endpoints may be; not null.
  std::shared_ptr<const Profiles> profiles = builtin_profiles();
  Proxy proxy;
  Vllm vllm;
  std::vector<Endpoint> endpoints;
  ModelDiscovery model_discovery;
  ModelRegistry model_registry;
  std::vector<ModelAlias> model_aliases;
  /// Whether the `model` of an answer is the alias that the client asked for.
  bool model_aliases_rewrite_response = false;
  Anthropic anthropic;
  /// Of /internal/*, but for the health document. nullopt: this machine alone, by an address, by
  /// "localhost" or by the name that the gateway listens on.
  std::optional<AccessPolicy> internal_access;
  Logging logging;
};

}  // namespace olla::config
