// The lending side of a link: takes blocks for its user, hands them over, and gets them back.
//
// Thread safety: any thread; what is not sent may be dropped anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "coproc/detail/loan.hpp"
#include "link/loan_allocator.hpp"
#include "link/loan_area.hpp"
#include "link/loan_reference.hpp"

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
  /// Looks at so many of the oldest loans whether they are returned.
  void look(std::uint64_t how_many) noexcept;
  /// The peer has ended: what it was lent is given back to the system, and all else when it is dropped here.
  void retire() noexcept;
  std::size_t space() const noexcept { return area_->shape().space; }
  /// Whether the process is the one that has made it; in others nothing but its destructor may be used.
  bool is_own_process() const noexcept { return area_->is_own_process(); }

 private:
  friend class OwnLoan;
  friend std::shared_ptr<OwnLoan> lend(const std::shared_ptr<Lender>&, std::size_t);

  std::shared_ptr<LoanArea> area_;
  mutable std::mutex mutex_;  // guards the allocator; never held where another lock is taken, nor in a forked child
  LoanAllocator allocator_;
};

/// A block of this side's. Its end gives it back, unless it was handed over.
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
  /// The peer knows of it: it is the peer's from now on, and the handle that held it is empty. Where others share it
  /// besides the caller, it is not lent anew before they have dropped it.
  void hand_over() noexcept;
  /// Whether it can be handed over: it never was, or the peer has dropped it, and so it is this side's again.
  bool is_own() noexcept;

  std::optional<std::uint32_t> number;  // in the message that is being encoded; its own

 private:
  std::shared_ptr<Lender> lender_;
  LoanAllocator::Place place_;
  bool is_handed_over_ = false;
  bool is_kept_ = false;
};

/// A new block of so many bytes; null: there is no room. Throws std::bad_alloc, std::system_error. REQUIRES: bytes != 0.
std::shared_ptr<OwnLoan> lend(const std::shared_ptr<Lender>& lender, std::size_t bytes);

}  // namespace coproc::inline v0::link
