#include "admin/endpoint_commands.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "http/path.h"
#include "proxy/answer.h"

namespace olla::admin {
namespace {

using proxy::OwnAnswer;
using proxy::Services;

constexpr std::string_view kPrefix = "/internal/endpoints/";

// The other threads hear of it within a millisecond, unless one of them is held up.
constexpr std::chrono::seconds kPatience{5};

/// Sleeps until the fleet's thread says that all threads know, or for kPatience. Whoever calls back
/// later finds nobody.
struct Wait {
  explicit Wait(net::asio::io_context& io) : timer(io) {}

  net::Timer timer;
  bool done = false;
};

net::Awaitable<bool> set_drained(Services& services, EndpointId endpoint, bool drained) {
  const auto wait = std::make_shared<Wait>(services.io);
  auto done = [weak = std::weak_ptr<Wait>(wait), &io = services.io] {
    net::asio::post(io, [weak] {
      const auto waiting = weak.lock();
      if (!waiting) return;
      waiting->done = true;
      waiting->timer.cancel();
    });
  };
  wait->timer.expires_after(kPatience);
  services.findings.set_drained(endpoint, drained, std::move(done));
  co_await wait->timer.async_wait(net::kAwait);
  co_return wait->done;
}

const fleet::EndpointView* find_endpoint(const fleet::Snapshot& snapshot, std::string_view name) {
  const auto found = std::find_if(
      snapshot.endpoints.begin(), snapshot.endpoints.end(),
      [name](const fleet::EndpointView& view) { return view.endpoint->config.name == name; });
  return found == snapshot.endpoints.end() ? nullptr : &*found;
}

std::string describe(const fleet::EndpointView& view) {
  const nlohmann::ordered_json document = {
      {"name", view.endpoint->config.name},
      {"status", fleet::to_string(view.status(Clock::now()))},
      {"drained", view.drained},
      {"active_connections", view.live->in_flight.load(std::memory_order_relaxed)},
  };
  return document.dump();
}

}  // namespace

net::Awaitable<OwnAnswer> answer_endpoint_command(Services& services,
                                                  const proxy::InternalRequest& request) {
  const std::string path = http::plain_path(request.path);
  // A name may hold slashes; the command is what follows the last one.
  const std::string_view rest = std::string_view(path).substr(kPrefix.size());
  const std::size_t slash = std::min(rest.rfind('/'), rest.size());
  const std::string_view name = rest.substr(0, slash);
  const std::string_view command = rest.substr(std::min(slash + 1, rest.size()));
  if (command != "drain" && command != "undrain") {
    co_return proxy::make_error(404, "unknown_route",
                                "An endpoint takes the commands drain and undrain.");
  }
  const fleet::EndpointView* const view = find_endpoint(*services.snapshot, name);
  if (view == nullptr)
    co_return proxy::make_error(404, "endpoint_not_found", "There is no endpoint of this name.");
  const EndpointId id = view->endpoint->id;
  const bool done = co_await set_drained(services, id, command == "drain");
  if (!done) {
    co_return proxy::make_error(503, "not_yet",
                                "The command was given, but not every thread has heard it yet.");
  }
  OwnAnswer own{200, describe(services.snapshot->endpoints[id.value()])};
  co_return own;
}

}  // namespace olla::admin
