// An array in memory that two processes share, handed over instead of copied.
//
//   coproc::SharedBuffer<float> pixels = messenger.loan<float>(1920 * 1080);
//   render(pixels.span());
//   messenger.send_norequest(std::move(pixels));                                  // no copy, whatever its size
//
//   auto received = host.receive_blocking<coproc::SharedBuffer<float>>();         // nor here
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

/// The only owner of an array. Made by `Messenger::loan`, or received; empty otherwise. It may stand anywhere inside of a
/// payload: struct Frame { int id; SharedBuffer<float> pixels; }.
///
/// A send through the messenger that lent it hands it over: the buffer is empty once the send has returned, and as it was
/// where the send threw. (So it is also where a send takes its value as const: what a buffer holds is no part of what it is.)
/// Sent by any other road, as through another messenger, as a start argument or inside of an error, what it holds is
/// copied, and the buffer stays as it is; where that other road has no loans, it arrives as ordinary memory.
///
/// A received buffer is writable, and goes back to its sender when it is dropped: in any thread, and also when messenger,
/// worker and sender have ended. Until then the sender cannot use that memory again. The sender cannot reach what it
/// has handed over, unless it is hostile: then the contents may change at any time, and `copy()` before they are checked
/// gives certainty.
///
/// T: what is the same in memory as on the wire, without padding, bools and pointers: numbers, enums, and arrays and
/// aggregates of these. In a process that the user forked, the memory is not there: `data` and all that needs it throw
/// NotOwnerError (but `operator[]`, which does not look), and its end gives nothing back.
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

  /// The first element, at the start of a page; null while it is empty.
  T* data() { return reinterpret_cast<T*>(handle_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(handle_.data()); }
  /// Elements.
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

  /// Another buffer on the same memory, which no send empties: for a program that goes on using what it sends, and takes care
  /// itself that nobody is surprised by what the other side writes. The memory is lent anew only when the peer and all
  /// shares have dropped it. Sent while the peer has it, a share is copied; after that it is lent again.
  SharedBuffer share() const { return SharedBuffer(handle_.share()); }

  /// What it holds at this moment, in memory that nobody else can reach.
  std::vector<T> copy() const { return std::vector<T>(begin(), end()); }

 private:
  friend struct detail::LoanAccess;
  explicit SharedBuffer(detail::LoanHandle handle) noexcept : handle_(std::move(handle)) {}

  detail::LoanHandle handle_;
};

}  // namespace coproc::inline v0
