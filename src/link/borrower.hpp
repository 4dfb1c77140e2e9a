// The borrowing side of a link: holds the peer's loans where they lie, or copies of them if they cannot be mapped.
//
// A peer may be unable to map what the lender could map: a process may have little address space, or have locked all
// of its memory. Then loans are read through the link's descriptor, and the peer is asked to lend nothing by itself
// any more.
//
// Thread safety: one thread at a time, but loans may be dropped in any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "coproc/detail/loan.hpp"
#include "link/link_memory.hpp"
#include "link/loan_area.hpp"
#include "link/loan_reference.hpp"

namespace coproc::inline v0::link {

/// A loan of the peer. It is taken by `begin()`; before that, its destructor returns nothing.
class ReceivedLoan : public detail::LoanHold {
 public:
  using LoanHold::LoanHold;
  /// Takes the loan, with the message that refers to it.
  virtual void begin() noexcept = 0;
};

class Borrower {
 public:
  /// Borrows what end `from` lends. REQUIRES: the link has loans.
  Borrower(std::shared_ptr<LinkMemory> memory, int from) noexcept : memory_(std::move(memory)), from_(from) {}

  const LoanShape& shape() const noexcept { return memory_->loan_shape(); }
  /// Throws std::system_error if the loan can neither be mapped nor read, std::bad_alloc. REQUIRES:
  /// shape().holds(reference).
  std::shared_ptr<ReceivedLoan> borrow(const LoanReference& reference);
  /// Whether the last loan had to be copied.
  bool copies() const noexcept { return copies_; }
  /// The area, if it is mapped or can be. Throws std::system_error.
  const std::shared_ptr<LoanArea>& area();
  /// Call when the peer has ended and nothing else will be borrowed. Memory that is not borrowed now goes back to the
  /// system at once, and the rest when it is dropped.
  void retire() noexcept { memory_->retire_loans(from_); }
  /// Whether anything was borrowed.
  bool is_used() const noexcept { return area_ != nullptr || copies_; }

 private:
  std::shared_ptr<LinkMemory> memory_;
  int from_;  // constant after construction
  std::shared_ptr<LoanArea> area_;
  bool copies_ = false;
};

}  // namespace coproc::inline v0::link
