// The borrowing side of a link: takes hold of what the peer lends, where it lies, or of a copy where it cannot be mapped.
//
// What the lender could map its peer may not be able to: a process may have little address space, or have locked all of its
// memory. Then what was lent is read through the link's descriptor, and the peer is told to lend no more by itself.
//
// Thread safety: one thread at a time; what was borrowed may be dropped anywhere.
#pragma once

#include <cstdint>
#include <memory>

#include "coproc/detail/loan.hpp"
#include "link/link_memory.hpp"
#include "link/loan_area.hpp"
#include "link/loan_reference.hpp"

namespace coproc::inline v0::link {

/// What the peer lends. Until `begin()` it is only looked at: its end gives nothing back.
class ReceivedLoan : public detail::LoanHold {
 public:
  using LoanHold::LoanHold;
  /// The message that refers to it is taken.
  virtual void begin() noexcept = 0;
};

class Borrower {
 public:
  /// What end `from` lends. REQUIRES: there are loans.
  Borrower(std::shared_ptr<LinkMemory> memory, int from) noexcept : memory_(std::move(memory)), from_(from) {}

  const LoanShape& shape() const noexcept { return memory_->loan_shape(); }
  /// Throws std::system_error where neither mapping nor reading is possible, std::bad_alloc. REQUIRES: shape().holds(reference).
  std::shared_ptr<ReceivedLoan> borrow(const LoanReference& reference);
  /// Whether the last one had to be copied.
  bool copies() const noexcept { return copies_; }
  /// The area, where it is mapped or can be. Throws std::system_error.
  const std::shared_ptr<LoanArea>& area();
  /// The peer has ended, and nothing else will be borrowed: all that is not borrowed now is given back to the system, and the rest when it
  /// is dropped.
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
