// How a message refers to the memory that it lends: by references at the end of its payload.
//
//   | the value's own bytes ... | reference | reference | ... | count u32 |
//
// The references come last, so that the receiver can take hold of the loans when it drains the frame, without
// decoding the value. A message that is never decoded gives its loans back, too. The value refers to a loan by its
// number in this list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace coproc::inline v0::link {

/// Offsets in bytes:
///
///   0 offset      u64  in the sender's space, of whole pages
///   8 bytes       u64  that are lent, from 1
///  16 slot        u32  of the word into which the receiver writes the generation when it is done
///  20 generation  u32  from 1
struct LoanReference {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};
static_assert(sizeof(LoanReference) == 24 && offsetof(LoanReference, slot) == 16 &&
              std::is_trivially_copyable_v<LoanReference>);

constexpr std::size_t trailer_bytes(std::size_t count) noexcept {
  return count * sizeof(LoanReference) + sizeof(std::uint32_t);
}

/// How many references the payload ends with; 0 if it cannot hold as many as it says. A valid payload has at least
/// one.
inline std::size_t count_references(std::span<const std::byte> payload) noexcept {
  std::uint32_t count = 0;
  if (payload.size() < sizeof count) return 0;
  std::memcpy(&count, payload.data() + payload.size() - sizeof count, sizeof count);
  asm volatile("" : "+r"(count));  // read once: the peer may be changing it
  return count > (payload.size() - sizeof count) / sizeof(LoanReference) ? 0 : count;
}

/// The reference `index` of `count`. REQUIRES: count_references() gave the count.
inline LoanReference read_reference(std::span<const std::byte> payload, std::size_t count, std::size_t index) noexcept {
  LoanReference reference;
  const std::byte* const first = payload.data() + payload.size() - trailer_bytes(count);
  std::memcpy(&reference, first + index * sizeof reference, sizeof reference);
  asm volatile("" ::: "memory");  // not loaded again: what is checked is what is used
  return reference;
}

}  // namespace coproc::inline v0::link
