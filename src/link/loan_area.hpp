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
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "coproc/detail/loan.hpp"
#include "link/loan_allocator.hpp"
#include "link/loan_reference.hpp"
#include "os/memory.hpp"

namespace coproc::inline v0::link {

inline constexpr std::size_t kLeastLoanBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMostLoanBytes = std::size_t{1} << 44;

/// What follows from the size of the space, a power of two; 0: there are no loans.
struct LoanShape {
  std::size_t space = 0;

  static constexpr std::uint32_t kMostSlots = 1u << 20;
  constexpr std::uint32_t slots() const noexcept {
    return static_cast<std::uint32_t>(std::min<std::size_t>(space / kLoanPage, kMostSlots));
  }
  constexpr std::size_t words() const noexcept {
    return (slots() * sizeof(std::uint32_t) + kLoanPage - 1) / kLoanPage * kLoanPage;
  }
  constexpr std::size_t total() const noexcept { return words() + space; }
};

class LoanArea final : public LoanGround {
 public:
  LoanArea(os::Mapping mapping, LoanShape shape) noexcept;
  LoanArea(const LoanArea&) = delete;
  LoanArea& operator=(const LoanArea&) = delete;
  ~LoanArea() override;

  /// False in a process that was forked from the one that has mapped it: it is not there.
  bool is_own_process() const noexcept;
  const LoanShape& shape() const noexcept { return shape_; }

  // ---- the sender's ----

  std::byte* at(std::uint64_t offset) const noexcept { return mapping_.data() + shape_.words() + offset; }
  bool is_returned(std::uint32_t slot, std::uint32_t generation) const noexcept override {
    return word(slot).load(std::memory_order_acquire) == generation;  // pairs with the release in give_word()
  }
  void give_back(std::uint64_t offset, std::uint64_t bytes) noexcept override;

  // ---- the receiver's ----

  /// Whether the peer can have meant it: of whole pages and within the space.
  bool holds(const LoanReference& reference) const noexcept;
  /// The peer may use the memory again.
  void give_word(std::uint32_t slot, std::uint32_t generation) noexcept {
    word(slot).store(generation, std::memory_order_release);  // pairs with the acquire in is_returned()
  }

 private:
  std::atomic_ref<std::uint32_t> word(std::uint32_t slot) const noexcept {
    return std::atomic_ref<std::uint32_t>(reinterpret_cast<std::uint32_t*>(mapping_.data())[slot]);
  }

  os::Mapping mapping_;
  LoanShape shape_;           // constant after construction
  unsigned long generation_;  // of forks; constant after construction
};

/// What the peer lends: its end gives it back.
class BorrowedLoan final : public detail::LoanHold {
 public:
  /// REQUIRES: area->holds(reference).
  BorrowedLoan(std::shared_ptr<LoanArea> area, const LoanReference& reference) noexcept
      : LoanHold(area->at(reference.offset), reference.bytes),
        area_(std::move(area)),
        slot_(reference.slot),
        generation_(reference.generation) {}
  BorrowedLoan(const BorrowedLoan&) = delete;
  BorrowedLoan& operator=(const BorrowedLoan&) = delete;
  ~BorrowedLoan() override {
    if (area_->is_own_process()) area_->give_word(slot_, generation_);
  }
  bool is_here() const noexcept override { return area_->is_own_process(); }

 private:
  std::shared_ptr<LoanArea> area_;
  std::uint32_t slot_;
  std::uint32_t generation_;
};

}  // namespace coproc::inline v0::link
