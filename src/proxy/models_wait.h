#pragma once

#include <memory>

#include "net/deadlines.h"
#include "net/waiter.h"
#include "proxy/services.h"

namespace olla::proxy {

/// One request's wait for model lists that are read anew, since none has its model.
class ModelsWait : private net::Deadline {
 public:
  explicit ModelsWait(Services& services);
  ~ModelsWait() override;

  /// Has the model lists read and waits for it, but not longer than `limit`. True when they were
  /// read, as far as their endpoints answered: the thread's snapshot holds what they say. To be
  /// called once.
  net::Awaitable<bool> run(Duration limit);

  /// The client left: run() ends, though not within this call.
  void end();

 private:
  /// What the thread that reads the lists knows of the wait. Stays until it does not.
  struct Link {
    ModelsWait* wait;  // Null: it is over. Of the wait's own thread.
  };

  void on_deadline() override { wake(false); }
  void wake(bool were_read);

  Services& services_;
  std::shared_ptr<Link> link_;
  net::Waiter waiter_;
  bool over_ = false;
  bool were_read_ = false;
};

}  // namespace olla::proxy
