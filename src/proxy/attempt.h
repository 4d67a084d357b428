#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fleet/snapshot.h"
#include "http/head.h"
#include "net/upstream_connection.h"
#include "proxy/outgoing.h"
#include "proxy/request.h"
#include "proxy/retry_rules.h"
#include "routing/pick.h"
#include "vllm/meaning.h"
#include "vllm/translate.h"

namespace olla::proxy {

/// One try of a request on one endpoint: a connection, the request in the form that the endpoint
/// takes, and the head of the answer. A pooled connection that turns out to be dead is replaced by
/// a fresh one and counts as no failure.
///
/// Does not decide what a failure means, and passes nothing but interim answers on; see Delivery.
class Attempt : private net::SilenceJudge {
 public:
  /// `request` must outlive the attempt, and so must the snapshot of `pick`.
  Attempt(ProxiedRequest& request, const routing::Pick& pick);

  /// Makes the body that the endpoint takes: its own spelling of the model, its version's
  /// parameters. When that cannot be done, the answer that says so, for the client.
  std::optional<std::string> adapt();

  /// Sends the request and waits for the head of its answer. After kAnswered response() is valid.
  net::Awaitable<TryEnd> ask();

  /// What an error of the endpoint's connection is; notes why().
  TryEnd failed(const Error& error);
  /// After a failure: what happened, for the log.
  [[nodiscard]] const std::string& why() const { return why_; }
  /// After a failure: it was this process that lacked something, a file descriptor for example.
  [[nodiscard]] bool lacked_means() const { return lacked_means_; }

  /// Whether a short answer may say more about the server than about the request.
  [[nodiscard]] bool may_mean_more() const;
  /// Reads such an answer, and leaves it to be passed on. After kAnswered meaning() is known.
  net::Awaitable<TryEnd> look_into_answer();
  [[nodiscard]] vllm::Meaning meaning() const { return meaning_; }

  /// After a failure: the endpoint closed a connection that had the request, and refused the next.
  [[nodiscard]] bool refused_afterwards() const { return refused_afterwards_; }
  /// What ended the try, for the rules.
  [[nodiscard]] TryFacts facts(TryEnd end) const;

  /// Gives the answer up: the request goes elsewhere. The connection is kept where the answer has
  /// been read to its end.
  void drop_answer();

  /// Gives the connection back when another request may follow on it: the endpoint took all of this
  /// one, and all of its answer was read.
  void reuse_connection();

  /// Ends what runs, so that the endpoint sees the request as abandoned.
  void abort();
  /// The endpoint is down by the health checks: ask() ends with kOut, though not within this call.
  void abandon();

  [[nodiscard]] const fleet::EndpointView& view() const { return view_; }
  [[nodiscard]] http::ResponseHead& response() { return response_; }
  [[nodiscard]] net::UpstreamConnection& upstream() { return *upstream_; }
  [[nodiscard]] vllm::Translation& translation() { return translation_; }
  /// The endpoint took the whole request.
  [[nodiscard]] bool all_sent() const { return outgoing_.all_sent(); }

 private:
  bool is_gone() override;
  net::Awaitable<TryEnd> ask_on(bool may_reuse);
  net::Awaitable<Result<void>> read_response_head();
  net::Awaitable<Result<void>> read_one_head(TimePoint end);

  ProxiedRequest& request_;
  Services& services_;
  const fleet::EndpointView& view_;
  std::optional<std::string_view> model_;  // The endpoint's spelling, when it is another.
  vllm::Translation translation_;
  std::unique_ptr<net::UpstreamConnection> upstream_;
  OutgoingRequest outgoing_;
  std::string head_text_;  // The head of the answer as received; response_ points into it.
  http::ResponseHead response_;
  vllm::Meaning meaning_ = vllm::Meaning::kAnswer;
  bool looked_into_ = false;  // All of the answer is in the input.
  bool reused_ = false;       // The connection is one of the pool's.
  bool began_ = false;        // To send on it.
  bool refused_afterwards_ = false;
  bool waiting_ = true;  // For the answer's head.
  bool out_ = false;     // The endpoint was found down while it waited.
  std::string why_;
  bool lacked_means_ = false;
};

}  // namespace olla::proxy
