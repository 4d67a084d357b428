#pragma once

#include <cstdint>
#include <memory>

#include "net/deadlines.h"
#include "net/waiter.h"
#include "proxy/services.h"

namespace olla::proxy {

/// One request's wait for model lists that are read anew, since none has its model.
class ModelsWait : private net::Deadline {
 public:
  enum class End : std::uint8_t {
    kRead,   ///< At least one was, or that was tried.
    kAsIs,   ///< None is read for this wait: all were a moment ago, or fail or hang.
    kEarly,  ///< It took too long, or the client left.
  };

  explicit ModelsWait(Services& services);
  ~ModelsWait() override;

  /// Has the model lists read and waits for it, but not longer than `limit`. What was read is in
  /// the thread's snapshot, unless the wait ended early. To be called once.
  net::Awaitable<End> run(Duration limit);

  /// The client left: run() ends, though not within this call.
  void end();

 private:
  /// What the thread that reads the lists knows of the wait. Stays until it does not.
  struct Link {
    ModelsWait* wait;  // Null: it is over. Of the wait's own thread.
  };

  void on_deadline() override { wake(End::kEarly); }
  void wake(End end);

  Services& services_;
  std::shared_ptr<Link> link_;
  net::Waiter waiter_;
  bool over_ = false;
  End end_ = End::kEarly;
};

}  // namespace olla::proxy
