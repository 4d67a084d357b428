#include "proxy/services.h"

namespace olla::proxy {

void Services::publish(std::shared_ptr<const fleet::Snapshot> next) {
  snapshot = std::move(next);
  for (auto it = snapshot_listeners.begin(); it != snapshot_listeners.end();)
    (it++)->on_snapshot();
  if (shared.queue.waiting() > 0) shared.queue.changed();
}

}  // namespace olla::proxy
