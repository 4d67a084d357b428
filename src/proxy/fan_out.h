#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/fetch.h"
#include "proxy/services.h"

namespace olla::proxy {

/// What one endpoint answered to a question that several were asked.
struct FanOutAnswer {
  EndpointId endpoint;
  Result<net::FetchResponse> answer;
};

/// The question; each endpoint's own address and headers are added.
struct FanOutQuestion {
  std::string method = "GET";
  std::string path;
  std::string body = {};
  /// Sent unless the endpoint's own headers set them.
  std::vector<config::Header> headers = {};
  /// The client's own, sent in the same way to endpoints that are to get them.
  std::vector<config::Header> credentials = {};
  Duration limit;
};

/// Asks all `endpoints` of the snapshot at once and waits for all answers, in the order of
/// `endpoints`. The services must outlive the awaitable.
net::Awaitable<std::vector<FanOutAnswer>> ask_all(Services& services,
                                                  std::shared_ptr<const fleet::Snapshot> snapshot,
                                                  std::vector<EndpointId> endpoints,
                                                  FanOutQuestion question);

}  // namespace olla::proxy
