#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/attempt.h"
#include "proxy/relay.h"
#include "proxy/request.h"

namespace olla::proxy {

/// Brings the answer of an attempt to the client: relayed as it comes, or read whole and made anew.
class Delivery : private ResponseIdListener {
 public:
  enum class End : std::uint8_t {
    kComplete,    ///< All of the answer was written.
    kToldError,   ///< The same, and the endpoint's stream told of an error.
    kClientGone,  ///< The client left, took nothing for too long, or was cut off.
    kBroke,       ///< The endpoint failed when the client had a part: the client was cut off.
    kUnusable,    ///< The endpoint failed, and the client has nothing yet.
  };

  /// Both must outlive the delivery.
  Delivery(ProxiedRequest& request, Attempt& attempt) : request_(request), attempt_(attempt) {}

  /// Passes the answer on, and fills the access entry.
  net::Awaitable<End> run();

  /// After kUnusable: how the endpoint failed. Only after kGarbled the client's request body may be
  /// gone.
  [[nodiscard]] TryEnd failure() const { return failure_; }
  /// After kBroke, kToldError and kUnusable: what happened, for the log.
  [[nodiscard]] const std::string& why() const { return why_; }
  /// After kBroke: the endpoint was silent for too long.
  [[nodiscard]] bool timed_out() const { return timed_out_; }

 private:
  void on_response_id(std::string_view id) override;
  /// Why an answer is read whole and made anew.
  enum class Rewriting : std::uint8_t {
    kBestOf,         ///< It holds several answers, of which the client wants one.
    kRefusal,        ///< It may speak of what the gateway translated.
    kMessagesError,  ///< It may not have the shape that errors have in Anthropic's API.
  };

  [[nodiscard]] std::optional<Rewriting> needed_rewriting() const;
  [[nodiscard]] std::string made_anew(Rewriting rewriting, std::string body);
  net::Awaitable<End> relay();
  net::Awaitable<End> rewrite(Rewriting rewriting);
  [[nodiscard]] std::string head_text(const BodyPlan& plan, bool time_trailer) const;

  ProxiedRequest& request_;
  Attempt& attempt_;
  TryEnd failure_ = TryEnd::kGarbled;
  std::string why_;
  bool timed_out_ = false;
  bool tells_request_id_ = false;  // In the field of Anthropic's API.
};

}  // namespace olla::proxy
