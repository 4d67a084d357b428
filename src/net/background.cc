#include "net/background.h"

#include <boost/asio/post.hpp>

#include "net/waiter.h"

namespace olla::net {

Awaitable<std::shared_ptr<const std::string>> run_on(
    asio::io_context& other, asio::io_context& here,
    std::function<std::shared_ptr<const std::string>()> work) {
  struct Job {
    std::function<std::shared_ptr<const std::string>()> work;
    std::shared_ptr<const std::string> result;
    Waiter waiter;
    bool done = false;
  };
  const auto job = std::make_shared<Job>();
  job->work = std::move(work);
  auto there = [job, &here] {
    job->result = job->work();
    asio::post(here, [job] {
      job->done = true;
      job->waiter.wake();
    });
  };
  asio::post(other, std::move(there));
  // The thread that posts here cannot run in between: what it posts waits for this one.
  if (!job->done) co_await job->waiter.wait();
  co_return std::move(job->result);
}

}  // namespace olla::net
