#include "sim/engine/task.h"

#include <utility>

#include "base/check.h"

namespace olla::sim::engine {

Task::Task(RequestId task_id, Request wanted, TimePoint now)
    : id(task_id),
      request(std::move(wanted)),
      hashes(std::move(request.prompt.hashes)),
      rest(std::move(request.prompt.rest)),
      last(request.prompt.last),
      known(request.prompt.tokens),
      arrived(now) {
  OLLA_CHECK(request.tokens_max > 0 && request.prompt.tokens > 0);
  OLLA_CHECK(hashes.size() == request.prompt.tokens / kBlockTokens);
}

void Task::append(std::uint32_t token) {
  ++generated;
  rest.push_back(token);
  if (rest.size() < kBlockTokens) return;
  last = chain_hash(last, rest);
  hashes.push_back(last);
  rest.clear();
}

}  // namespace olla::sim::engine
