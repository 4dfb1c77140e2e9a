// The memory from which one end of a link lends to the other: the words by which loans are returned, and the space.
//
//   offset  what
//        0  return words, one u32 for each slot: the generation that the receiver is done with; written by the receiver
//     words  space: pages that the sender lends; written by both
//
// Security considerations: both processes can write all of it at any time, and punch holes, which then read as zeros.
// (The file behind it is sealed, so that it cannot shrink and no access raises SIGBUS.) The sender keeps its books
// elsewhere, and only compares a return word with the generation that it has lent. The receiver checks references
// against the area's size.
//
// The space is made accessible only as far as it was needed, since mlockall() fills with memory whatever is
// accessible.
//
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "link/loan_allocator.hpp"
#include "link/loan_reference.hpp"
#include "os/memory.hpp"
#include "os/mutex.hpp"

namespace coproc::inline v0::link {

inline constexpr std::size_t kLeastLoanBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMostLoanBytes = std::size_t{1} << 44;
/// The default, if the machine has as much memory. It does not grow with the machine, since all links of a host share
/// one address space.
inline constexpr std::size_t kUsualLoanBytes = std::size_t{1} << 32;

/// Sizes that follow from the size of the space, which is a power of two, or 0 if there are no loans.
struct LoanShape {
  std::size_t space = 0;

  static constexpr std::uint32_t kMostSlots = 1u << 20;
  constexpr std::uint32_t slots() const noexcept {
    return static_cast<std::uint32_t>(std::min<std::size_t>(space / kLoanPage, kMostSlots));
  }
  constexpr std::size_t words() const noexcept { return in_loan_pages(slots() * sizeof(std::uint32_t)); }
  constexpr std::size_t total() const noexcept { return words() + space; }
  /// Whether the reference is possible: whole pages within the space.
  constexpr bool holds(const LoanReference& reference) const noexcept {
    return reference.slot < slots() && reference.generation != 0 && reference.bytes != 0 &&
           reference.offset % kLoanPage == 0 && reference.offset <= space &&
           reference.bytes <= space - reference.offset;
  }
};

class LoanArea final : public LoanMemory {
 public:
  /// `mapping` comes from os::map_sparse(). Throws std::system_error.
  LoanArea(os::Mapping mapping, LoanShape shape);
  LoanArea(const LoanArea&) = delete;
  LoanArea& operator=(const LoanArea&) = delete;
  ~LoanArea() override;

  /// False in a process that was forked from the one that mapped the area: the mapping is not inherited.
  bool is_own_process() const noexcept;
  const LoanShape& shape() const noexcept { return shape_; }
  /// Makes the space accessible up to this offset. Throws std::system_error.
  void reach(std::uint64_t end);

  // ---- for the sender ----

  std::byte* at(std::uint64_t offset) const noexcept { return mapping_.data() + shape_.words() + offset; }
  bool is_returned(std::uint32_t slot, std::uint32_t generation) const noexcept override {
    return word(slot).load(std::memory_order_acquire) == generation;  // pairs with the release in store_return_word()
  }
  void give_back(std::uint64_t offset, std::uint64_t bytes) noexcept override;

  // ---- for the receiver ----

  /// A node in the list of what is borrowed. It is a member of the borrower, and is not moved.
  struct Borrowed {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    Borrowed* before = nullptr;
    Borrowed* after = nullptr;
  };
  void begin(Borrowed& borrowed) noexcept;
  /// Returns the loan: the peer may use the memory again.
  void end(Borrowed& borrowed, std::uint32_t slot, std::uint32_t generation) noexcept;

  struct Stretch {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  /// Call when the peer has ended and nothing else will be borrowed. What is borrowed now is given back to the system
  /// when it is dropped. Returns the rest of the space. Throws std::bad_alloc, and then nothing has changed.
  std::vector<Stretch> retire();

 private:
  void store_return_word(std::uint32_t slot, std::uint32_t generation) noexcept {
    word(slot).store(generation, std::memory_order_release);  // pairs with the acquire in is_returned()
  }
  std::atomic_ref<std::uint32_t> word(std::uint32_t slot) const noexcept {
    return std::atomic_ref<std::uint32_t>(reinterpret_cast<std::uint32_t*>(mapping_.data())[slot]);
  }

  os::Mapping mapping_;
  LoanShape shape_;  // constant after construction
  os::Mutex mutex_;  // never held where another lock is taken
  std::uint64_t reached_ COPROC_GUARDED_BY(mutex_) = 0;
  os::Mutex borrowed_mutex_;  // never held where another lock is taken, nor in a forked child
  Borrowed borrowed_ COPROC_GUARDED_BY(borrowed_mutex_);  // the list's beginning and end
  bool is_retired_ COPROC_GUARDED_BY(borrowed_mutex_) = false;
  unsigned long generation_;  // of forks; constant after construction
};

}  // namespace coproc::inline v0::link
