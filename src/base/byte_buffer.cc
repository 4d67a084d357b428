#include "base/byte_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace olla {
namespace {

// The first allocation holds a usual request head (300 to 900 bytes) without growing.
constexpr std::size_t kMinCapacity = 1024;

}  // namespace

ByteBuffer::~ByteBuffer() {
  std::free(data_);
}

char* ByteBuffer::prepare(std::size_t room) {
  if (capacity_ - end_ >= room) return data_ + end_;
  const std::size_t used = size();
  if (begin_ > 0 && capacity_ - used >= room && begin_ >= used) {
    // Moving down is cheaper than growing, and at most as many bytes move as were consumed.
    std::memmove(data_, data_ + begin_, used);
  } else {
    const std::size_t wanted = std::max({kMinCapacity, used + room, capacity_ * 2});
    char* grown = static_cast<char*>(std::malloc(wanted));
    if (grown == nullptr) throw std::bad_alloc();
    if (used > 0) std::memcpy(grown, data_ + begin_, used);
    std::free(data_);
    data_ = grown;
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = used;
  return data_ + end_;
}

void ByteBuffer::consume(std::size_t bytes) {
  OLLA_CHECK(bytes <= size());
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

void ByteBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void ByteBuffer::shrink(std::size_t keep_bytes) {
  OLLA_CHECK(empty());
  if (capacity_ <= keep_bytes) return;
  std::free(data_);
  data_ = nullptr;
  capacity_ = 0;
}

void ByteBuffer::swap(ByteBuffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(capacity_, other.capacity_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
}

}  // namespace olla
