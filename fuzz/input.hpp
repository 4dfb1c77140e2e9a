// The bytes of the fuzzer, read from the front as numbers and pieces. Beyond the end all bytes are zero.
//
// Thread safety: a value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span(data, size))) {}

  bool empty() const { return rest_.empty(); }
  template <class T>
  T number() {
    T value{};
    const auto piece = bytes(sizeof value);
    if (!piece.empty()) std::memcpy(&value, piece.data(), piece.size());
    return value;
  }
  std::uint8_t byte() { return number<std::uint8_t>(); }
  std::size_t below(std::size_t end) { return byte() % end; }
  /// Returns the next `size` bytes, or all that are left.
  std::span<const std::byte> bytes(std::size_t size) {
    const auto piece = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(piece.size());
    return piece;
  }
  std::span<const std::byte> rest() { return bytes(rest_.size()); }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace fuzz
