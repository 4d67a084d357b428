#pragma once

#include <cstddef>

namespace olla::net {

/// Memory for the frame of a coroutine. A request takes and gives back some twenty of them, of
/// sizes that come again with each: those of a thread are kept for its next, up to a limit.
[[nodiscard]] void* take_frame(std::size_t bytes);

/// Gives back what take_frame() gave for as many bytes, on any thread.
void give_frame(void* frame, std::size_t bytes) noexcept;

}  // namespace olla::net
