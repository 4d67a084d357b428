#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/types.h"

namespace olla::net {

/// Runs `work` on the thread of `other` and goes on here with its result: for what takes
/// milliseconds and would hold up every stream of this thread. Both must run until then.
Awaitable<std::shared_ptr<const std::string>> run_on(
    asio::io_context& other, asio::io_context& here,
    std::function<std::shared_ptr<const std::string>()> work);

}  // namespace olla::net
