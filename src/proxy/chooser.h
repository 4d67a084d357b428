#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "openai/request.h"
#include "proxy/services.h"
#include "routing/pick.h"
#include "routing/provider.h"
#include "routing/session_key.h"
#include "routing/strategy.h"
#include "vllm/errors.h"

namespace olla::proxy {

/// Where a request is to go.
struct Destination {
  routing::Provider provider = {};
  std::string_view target;  ///< Path and query for the endpoint; in the client's head.
  std::string path;         ///< Its path, decoded.
  /// Only there, in whatever state it is: an administrator asks for this one.
  std::optional<EndpointId> endpoint = std::nullopt;

  /// Of errors that its client gets.
  [[nodiscard]] vllm::ErrorShape error_shape() const {
    return provider.is_messages() ? vllm::ErrorShape::kAnthropic : vllm::error_shape_of(path);
  }
};

/// Chooses the endpoints for the tries of one request, one after the other.
class Chooser {
 public:
  /// Both must outlive the chooser.
  Chooser(Services& services, const Destination& destination)
      : services_(services), destination_(destination) {}

  /// Takes in what the request says, before the first choice. `facts` must outlive the chooser;
  /// `body` is looked at in this call alone.
  void begin(const openai::RequestFacts& facts, std::string_view body);

  /// Finds the session that the request belongs to, where sessions are sticky: before the first
  /// choice, and after begin(). `head` must outlive the chooser; `body` and `address`, that of the
  /// client, are looked at in this call alone.
  void join_session(const http::RequestHead& head, std::string_view body, std::string_view address);

  /// The endpoint for the next try, in `snapshot`, and the request booked on it; without an
  /// endpoint nothing is booked.
  struct Chosen {
    routing::Pick pick;
    fleet::Booking booking;
  };
  [[nodiscard]] Chosen choose(const fleet::Snapshot& snapshot);
  /// The same for a request that waits on an endpoint: without another one the last choice stands.
  [[nodiscard]] Chosen choose_another(const fleet::Snapshot& snapshot);

  /// What the last choice means for the model lists.
  [[nodiscard]] routing::Renewal renewal() const { return renewal_; }
  /// They were read anew, or that was tried.
  void note_lists(routing::Lists lists) { lists_ = lists; }

  /// How the last choice came about. Without a strategy for a request that names no model.
  [[nodiscard]] const routing::Decision& decision() const { return decision_; }
  /// Whether the last choice is the endpoint that the request's session was pinned to.
  [[nodiscard]] bool follows_session() const { return stickiness_ == Stickiness::kHit; }
  /// Whether the answer's `model` has to become the alias that the client asked for.
  [[nodiscard]] bool renames_answer() const {
    return by_alias_ && services_.config.model_aliases_rewrite_response;
  }
  /// Appends the field lines that tell it to the client.
  void append_fields(std::string& out) const;

  /// The endpoint is no choice from here on.
  void note_tried(EndpointId endpoint) { tried_.push_back(endpoint); }

  /// All are choices again: time has passed since they failed.
  void forget_tried() { tried_.clear(); }

  /// The same for requests that can all use the same endpoints.
  [[nodiscard]] std::string kind() const;

  /// Whether another endpoint could take the request as things are.
  [[nodiscard]] bool another_can() const;
  /// Why none can; kAllFull also when one can, since others wait for it.
  [[nodiscard]] routing::NoPick reason() const;

 private:
  /// A choice, and why it was made among all endpoints and not only those that have the model.
  struct Found {
    routing::Pick pick;
    std::optional<routing::NoPick> fell_back = std::nullopt;
    routing::Renewal renewal = routing::Renewal::kNone;
  };

  /// What became of the request's session. "disabled": it has none.
  enum class Stickiness : std::uint8_t { kDisabled, kHit, kMiss, kRepin };

  void note_pinned(EndpointId endpoint);
  [[nodiscard]] bool names_model() const;
  [[nodiscard]] routing::PickRequest pick_request(std::uint32_t turn) const;
  [[nodiscard]] Found find(const fleet::Snapshot& snapshot, std::uint32_t turn) const;

  Services& services_;
  const Destination& destination_;
  const openai::RequestFacts* facts_ = nullptr;  // Null until begin().
  std::optional<EndpointId> owner_;              // Who keeps the answer that the request names.
  const config::ModelAlias* alias_ = nullptr;    // That the request names.
  routing::Lists lists_ = routing::Lists::kAsKnown;
  routing::Renewal renewal_ = routing::Renewal::kNone;
  routing::Decision decision_;
  bool by_alias_ = false;  // The last choice has a model of the alias.
  std::optional<routing::SessionKey> session_;
  std::string_view session_id_;       // In the client's head, when it is what tells the session.
  std::optional<EndpointId> pinned_;  // Where the session is.
  bool chose_by_session_ = false;     // Sessions are sticky, and a choice was made.
  Stickiness stickiness_ = Stickiness::kDisabled;
  boost::container::small_vector<EndpointId, 4> tried_;
};

}  // namespace olla::proxy
