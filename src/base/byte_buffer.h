#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace olla {

/// A growable run of bytes with a read end and a write end, for socket I/O.
///
/// Unlike std::string it does not zero the room that a read will fill, and taking bytes from the
/// front is free until the room at the back is needed. Views into it are valid until the next
/// prepare(), append() or shrink().
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    ByteBuffer(std::move(other)).swap(*this);
    return *this;
  }
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer();

  [[nodiscard]] std::string_view view() const { return {data_ + begin_, end_ - begin_}; }
  [[nodiscard]] char* data() { return data_ + begin_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  /// Bytes of memory held, used or not.
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  /// Makes room for at least `room` bytes after the last one and returns where they go. The bytes
  /// there are uninitialised. Grows by doubling.
  char* prepare(std::size_t room);
  /// Bytes that fit after the last one without growing.
  [[nodiscard]] std::size_t room() const { return capacity_ - end_; }
  /// Declares the first `bytes` of the prepared room filled.
  void commit(std::size_t bytes) { end_ += bytes; }
  /// Takes `bytes` from the front; at most size().
  void consume(std::size_t bytes);

  void append(std::string_view bytes);
  /// Forgets the bytes; keeps the memory.
  void clear() { begin_ = end_ = 0; }
  /// Gives the memory back when it holds more than `keep_bytes`. The buffer must be empty.
  void shrink(std::size_t keep_bytes);

 private:
  void swap(ByteBuffer& other) noexcept;

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace olla
