// The memory from which one end of a link lends to the other: the words by which loans are returned, and the space.
//
//   offset  what
//        0  return words, one u32 for each slot: the generation that the receiver is done with; written by the receiver
//     words  space: pages that the sender lends; written by both
//
// Security considerations: both processes can write all of it at any time, and punch holes, which read as zeros then. (The
// file behind it is sealed: no access ever raises SIGBUS because it has shrunk.) The sender keeps its books elsewhere, and
// looks only whether a word holds the generation that it has lent; the receiver checks references against the area's size.
//
// The space is opened (made accessible) only as far as it was needed: mlockall() fills with memory whatever is accessible.
//
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "link/loan_allocator.hpp"
#include "link/loan_reference.hpp"
#include "os/memory.hpp"

namespace coproc::inline v0::link {

inline constexpr std::size_t kLeastLoanBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMostLoanBytes = std::size_t{1} << 44;
/// Where the user does not say and the machine has as much: it must not grow with the machine, since what all links can lend
/// is address space of their one host.
inline constexpr std::size_t kUsualLoanBytes = std::size_t{1} << 32;

/// What follows from the size of the space, a power of two; 0: there are no loans.
struct LoanShape {
  std::size_t space = 0;

  static constexpr std::uint32_t kMostSlots = 1u << 20;
  constexpr std::uint32_t slots() const noexcept {
    return static_cast<std::uint32_t>(std::min<std::size_t>(space / kLoanPage, kMostSlots));
  }
  constexpr std::size_t words() const noexcept { return in_loan_pages(slots() * sizeof(std::uint32_t)); }
  constexpr std::size_t total() const noexcept { return words() + space; }
  /// Whether the peer can have meant it: of whole pages and within the space.
  constexpr bool holds(const LoanReference& reference) const noexcept {
    return reference.slot < slots() && reference.generation != 0 && reference.bytes != 0 &&
           reference.offset % kLoanPage == 0 && reference.offset <= space &&
           reference.bytes <= space - reference.offset;
  }
};

class LoanArea final : public LoanGround {
 public:
  /// `mapping`: by os::map_sparse(). Throws std::system_error.
  LoanArea(os::Mapping mapping, LoanShape shape);
  LoanArea(const LoanArea&) = delete;
  LoanArea& operator=(const LoanArea&) = delete;
  ~LoanArea() override;

  /// False in a process that was forked from the one that has mapped it: it is not there.
  bool is_own_process() const noexcept;
  const LoanShape& shape() const noexcept { return shape_; }
  /// From now on the space may be touched up to there. Throws std::system_error.
  void reach(std::uint64_t end);

  // ---- the sender's ----

  std::byte* at(std::uint64_t offset) const noexcept { return mapping_.data() + shape_.words() + offset; }
  bool is_returned(std::uint32_t slot, std::uint32_t generation) const noexcept override {
    return word(slot).load(std::memory_order_acquire) == generation;  // pairs with the release in give_word()
  }
  void give_back(std::uint64_t offset, std::uint64_t bytes) noexcept override;

  // ---- the receiver's ----

  /// What is borrowed, in a list of all that is: each is a member of who borrows it, and stays where it is.
  struct Borrowed {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    Borrowed* before = nullptr;
    Borrowed* after = nullptr;
  };
  void begin(Borrowed& borrowed) noexcept;
  /// The peer may use the memory again.
  void end(Borrowed& borrowed, std::uint32_t slot, std::uint32_t generation) noexcept;

  struct Stretch {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  /// The peer has ended, and nothing else will be borrowed. What is borrowed by now is given back to the system when it ends; the result is
  /// all of the space that is not. Throws std::bad_alloc, and then nothing has changed.
  std::vector<Stretch> retire();

 private:
  void give_word(std::uint32_t slot, std::uint32_t generation) noexcept {
    word(slot).store(generation, std::memory_order_release);  // pairs with the acquire in is_returned()
  }
  std::atomic_ref<std::uint32_t> word(std::uint32_t slot) const noexcept {
    return std::atomic_ref<std::uint32_t>(reinterpret_cast<std::uint32_t*>(mapping_.data())[slot]);
  }

  os::Mapping mapping_;
  LoanShape shape_;   // constant after construction
  std::mutex mutex_;  // guards reached_; never held where another lock is taken
  std::uint64_t reached_ = 0;
  std::mutex borrowed_mutex_;  // guards the two below; never held where another lock is taken, nor in a forked child
  Borrowed borrowed_;          // the list's beginning and end
  bool is_retired_ = false;
  unsigned long generation_;  // of forks; constant after construction
};

}  // namespace coproc::inline v0::link
