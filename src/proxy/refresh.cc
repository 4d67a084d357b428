#include "proxy/refresh.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "net/waiter.h"
#include "proxy/services.h"

namespace olla::proxy {

std::string_view to_string(ListReading::Outcome outcome) {
  switch (outcome) {
    case ListReading::Outcome::kRead:
      return "read";
    case ListReading::Outcome::kFailed:
      return "failed";
    case ListReading::Outcome::kSkipped:
      return "skipped";
    case ListReading::Outcome::kUnfinished:
      break;
  }
  return "unfinished";
}

net::Awaitable<std::vector<ListReading>> refresh_models(Services& services) {
  struct Wait {
    std::vector<ListReading> readings;
    net::Waiter waiter;
    bool done = false;
  };
  const auto wait = std::make_shared<Wait>();
  net::asio::io_context& here = services.io;
  // Called on the control thread, which posted the new snapshots here before.
  auto done = [wait, &here](std::vector<ListReading> readings) {
    net::asio::post(here, [wait, readings = std::move(readings)]() mutable {
      wait->readings = std::move(readings);
      wait->done = true;
      wait->waiter.wake();
    });
  };
  services.findings.refresh_models(std::move(done));
  if (!wait->done) co_await wait->waiter.wait();
  co_return std::move(wait->readings);
}

}  // namespace olla::proxy
