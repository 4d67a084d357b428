// Counts the allocations of the program that it is loaded into with LD_PRELOAD.
//
// BENCH_ALLOCATIONS names a file of 16 bytes: the number of allocations so far, and their bytes.
// Whoever reads it may do so at any time. operator new ends in malloc, and so is counted too.
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
// The allocator itself, under the names that glibc has for it beside the replaceable ones.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

struct Counters {
  std::atomic<std::uint64_t> allocations;
  std::atomic<std::uint64_t> bytes;
};

Counters before_the_file;
std::atomic<Counters*> counters = &before_the_file;

[[gnu::constructor]] void open_file() {
  const char* const path = std::getenv("BENCH_ALLOCATIONS");
  if (path == nullptr) return;
  const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0 || ftruncate(descriptor, sizeof(Counters)) != 0) return;
  void* const memory =
      mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (memory != MAP_FAILED) counters = static_cast<Counters*>(memory);
}

void count(std::size_t size) {
  Counters& now = *counters.load(std::memory_order_relaxed);
  now.allocations.fetch_add(1, std::memory_order_relaxed);
  now.bytes.fetch_add(size, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  count(size);
  return __libc_malloc(size);
}

void* calloc(std::size_t count_of, std::size_t size) {
  count(count_of * size);
  return __libc_calloc(count_of, size);
}

void* realloc(void* old, std::size_t size) {
  count(size);
  return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  count(size);
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
}
