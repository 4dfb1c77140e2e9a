// An array in memory that two processes share. It is handed over instead of being copied.
//
//   coproc::SharedBuffer<float> pixels = messenger.loan<float>(1920 * 1080);
//   render(pixels.span());
//   messenger.send_norequest(std::move(pixels));                                  // copies nothing, whatever the size
//
//   auto received = host.receive_blocking<coproc::SharedBuffer<float>>();         // copies nothing
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/detail/loan.hpp"
#include "coproc/detail/wire_size.hpp"

namespace coproc::inline v0 {

/// The only owner of an array. A buffer is made by `Messenger::loan` or received; otherwise it is empty. It may be a
/// part of a payload, as in struct Frame { int id; SharedBuffer<float> pixels; }.
///
/// A send through the messenger that lent the buffer hands its memory over: when the send has returned, the buffer is
/// empty. If the send throws, the buffer is unchanged. A send empties the buffer although it takes its value by const
/// reference. If the buffer is sent in any other way (through another messenger, as a start argument, or inside an
/// error) the contents are copied, and the buffer is unchanged. The copy is in ordinary memory if it travels where
/// there are no loans.
///
/// A received buffer is writable. Its memory goes back to the sender when the buffer is destroyed, in any thread, and
/// also after the messenger, the worker and the sender have ended. Until then the sender cannot use that memory again.
/// The API gives the sender no access to memory that it has handed over, but a hostile sender may change the contents
/// at any time: check a `copy()` of them.
///
/// T is a type whose bytes in memory are its encoding, without padding, bools and pointers: numbers, enums, and arrays
/// and aggregates of these. The memory is not mapped in a process that the program forks: there `data` and everything
/// that uses it throw NotOwnerError (`operator[]` does not check), and the destructor gives nothing back.
///
/// Thread safety: a value.
template <class T = std::byte>
class SharedBuffer {
 public:
  using value_type = T;

  SharedBuffer() noexcept = default;
  SharedBuffer(SharedBuffer&&) noexcept = default;
  SharedBuffer& operator=(SharedBuffer&&) noexcept = default;
  ~SharedBuffer() {
    static_assert(
        detail::kIsBulk<T>,
        "coproc: a SharedBuffer holds numbers, enums, and arrays and structs of these, without padding, bools "
        "and pointers");
  }

  /// The first element, which lies at the start of a page; null if the buffer is empty.
  T* data() { return reinterpret_cast<T*>(handle_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(handle_.data()); }
  /// The number of elements.
  std::size_t size() const noexcept { return handle_.bytes() / sizeof(T); }
  bool empty() const noexcept { return handle_.bytes() == 0; }

  std::span<T> span() { return {data(), size()}; }
  std::span<const T> span() const { return {data(), size()}; }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  /// REQUIRES: index < size().
  T& operator[](std::size_t index) noexcept { return reinterpret_cast<T*>(handle_.raw_data())[index]; }
  const T& operator[](std::size_t index) const noexcept {
    return reinterpret_cast<const T*>(handle_.raw_data())[index];
  }

  /// Returns another buffer on the same memory, which a send does not empty. It is for programs that go on using memory
  /// that they have sent; they must expect that the other side writes into it. The memory is free again when the peer
  /// and all shares have dropped it. If a share is sent while the peer has the memory, it is copied; after that it is
  /// lent again.
  SharedBuffer share() const { return SharedBuffer(handle_.share()); }

  /// The present contents, in memory that no other process can reach.
  std::vector<T> copy() const { return std::vector<T>(begin(), end()); }

 private:
  friend struct detail::LoanAccess;
  explicit SharedBuffer(detail::LoanHandle handle) noexcept : handle_(std::move(handle)) {}

  detail::LoanHandle handle_;
};

}  // namespace coproc::inline v0
