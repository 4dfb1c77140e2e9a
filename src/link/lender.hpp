// The lending side of a link: takes blocks for its user, lends them to the peer, and takes them back.
//
// Thread safety: any thread. Blocks that were not sent may be dropped in any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "coproc/detail/loan.hpp"
#include "link/loan_allocator.hpp"
#include "link/loan_area.hpp"
#include "link/loan_reference.hpp"
#include "os/mutex.hpp"

namespace coproc::inline v0::link {

class OwnLoan;

class Lender {
 public:
  explicit Lender(std::shared_ptr<LoanArea> area);

  struct Counts {
    LoanAllocator::Count lent;
    LoanAllocator::Count held;
  };
  Counts counts() const;
  /// Checks whether some of the oldest loans have been returned.
  void look(std::uint64_t how_many) noexcept;
  /// Call when the peer has ended. Memory that was lent to it goes back to the system at once, and the rest when it is
  /// dropped here.
  void retire() noexcept;
  std::size_t space() const noexcept { return area_->shape().space; }
  /// Whether this process made the lender. In other processes only the destructor may be used.
  bool is_own_process() const noexcept { return area_->is_own_process(); }

 private:
  friend class OwnLoan;
  friend std::shared_ptr<OwnLoan> lend(const std::shared_ptr<Lender>&, std::size_t);

  std::shared_ptr<LoanArea> area_;
  mutable os::Mutex mutex_;  // never held where another lock is taken, nor in a forked child
  LoanAllocator allocator_ COPROC_GUARDED_BY(mutex_);
};

/// A block of this side. Its destructor gives it back, unless it was handed over.
class OwnLoan final : public detail::LoanHold, public std::enable_shared_from_this<OwnLoan> {
 public:
  OwnLoan(std::shared_ptr<Lender> lender, const LoanAllocator::Place& place, std::size_t size) noexcept
      : LoanHold(lender->area_->at(place.offset), size), lender_(std::move(lender)), place_(place) {}
  OwnLoan(const OwnLoan&) = delete;
  OwnLoan& operator=(const OwnLoan&) = delete;
  ~OwnLoan() override;

  bool is_here() const noexcept override { return lender_->is_own_process(); }
  bool is_of(const Lender& lender) const noexcept { return lender_.get() == &lender; }
  LoanReference reference() const noexcept { return {place_.offset, bytes, place_.slot, place_.generation}; }
  /// Gives the block to the peer: the handle that held it is empty from now on. If others than the caller share the
  /// block, it is not lent again before they have dropped it.
  void hand_over() noexcept;
  /// Whether the block can be handed over: either it never was, or the peer has returned it.
  bool is_own() noexcept;

  std::optional<std::uint32_t> number;  // of this loan, in the message that is being encoded

 private:
  std::shared_ptr<Lender> lender_;
  LoanAllocator::Place place_;
  bool is_handed_over_ = false;
  bool is_kept_ = false;
};

/// A new block of so many bytes; null: there is no room. Throws std::bad_alloc, std::system_error. REQUIRES: bytes !=
/// 0.
std::shared_ptr<OwnLoan> lend(const std::shared_ptr<Lender>& lender, std::size_t bytes);

}  // namespace coproc::inline v0::link
