#include "net/frame_memory.h"

#include <array>
#include <cstdint>
#include <new>

namespace olla::net {
namespace {

// Frames differ by a few bytes and share memory that is a little larger.
constexpr std::size_t kStepBytes = 64;

// The largest frame of a request has under 2 KB.
constexpr std::size_t kKeptBytesMax = 4096;
constexpr std::size_t kClasses = kKeptBytesMax / kStepBytes;

// Of one size: what requests that begin and end in one turn of the loop need. The rest of a burst
// goes back to the system.
constexpr std::uint32_t kKeptMax = 32;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// A sanitizer shall see every frame that is used after its end.
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

struct FreeFrame {
  FreeFrame* next;
};

struct Shelf {
  FreeFrame* first = nullptr;
  std::uint32_t kept = 0;
};

/// The frames that a thread keeps, by size.
class Shelves {
 public:
  constexpr Shelves() = default;
  ~Shelves() {
    for (Shelf& shelf : shelves_) {
      while (shelf.first != nullptr) {
        FreeFrame* const frame = shelf.first;
        shelf.first = frame->next;
        ::operator delete(frame);
      }
      shelf.kept = kKeptMax;  // What is given back from now on is not kept.
    }
  }
  Shelves(const Shelves&) = delete;
  Shelves& operator=(const Shelves&) = delete;

  Shelf& of(std::size_t size_class) { return shelves_[size_class]; }

 private:
  std::array<Shelf, kClasses> shelves_{};
};

thread_local Shelves shelves;

/// `bytes` is above zero.
std::size_t class_of(std::size_t bytes) {
  return (bytes - 1) / kStepBytes;
}

}  // namespace

void* take_frame(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  if (!kKeeps || size_class >= kClasses) return ::operator new(bytes);
  Shelf& shelf = shelves.of(size_class);
  if (shelf.first == nullptr) return ::operator new((size_class + 1) * kStepBytes);
  FreeFrame* const frame = shelf.first;
  shelf.first = frame->next;
  --shelf.kept;
  return frame;
}

void give_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (!kKeeps || size_class >= kClasses) return ::operator delete(frame);
  Shelf& shelf = shelves.of(size_class);
  if (shelf.kept >= kKeptMax) return ::operator delete(frame);
  shelf.first = ::new (frame) FreeFrame{shelf.first};
  ++shelf.kept;
}

}  // namespace olla::net
