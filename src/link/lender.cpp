#include "link/lender.hpp"

#include <utility>

namespace coproc::inline v0::link {

Lender::Lender(std::shared_ptr<LoanArea> area)
    : area_(std::move(area)), allocator_(area_->shape().space, area_->shape().slots(), *area_) {}

Lender::Counts Lender::counts() const {
  const os::MutexLock lock(mutex_);
  return {allocator_.lent(), allocator_.held()};
}

void Lender::look(std::uint64_t how_many) noexcept {
  const os::MutexLock lock(mutex_);
  allocator_.look_at_oldest(how_many);
}

void Lender::retire() noexcept {
  const os::MutexLock lock(mutex_);
  allocator_.retire();
}

OwnLoan::~OwnLoan() {
  if (!is_here() || (is_handed_over_ && !is_kept_)) return;
  const os::MutexLock lock(lender_->mutex_);
  if (is_handed_over_) {
    lender_->allocator_.keep(place_.slot, false);
  } else {
    lender_->allocator_.drop(place_.slot);
  }
}

void OwnLoan::hand_over() noexcept {
  if (handle != nullptr) handle->clear();
  // Does anyone but the message own this block? A share that another thread is dropping right now may still be
  // counted; ~OwnLoan() then clears the flag.
  is_kept_ = weak_from_this().use_count() > 1;
  const os::MutexLock lock(lender_->mutex_);
  lender_->allocator_.lend(place_.slot);
  if (is_kept_) lender_->allocator_.keep(place_.slot, true);
  is_handed_over_ = true;
}

bool OwnLoan::is_own() noexcept {
  if (!is_handed_over_) return true;
  if (!is_kept_) return false;
  const os::MutexLock lock(lender_->mutex_);
  const auto generation = lender_->allocator_.take_back(place_.slot);
  if (!generation) return false;
  place_.generation = *generation;
  is_handed_over_ = is_kept_ = false;
  return true;
}

std::shared_ptr<OwnLoan> lend(const std::shared_ptr<Lender>& lender, std::size_t bytes) {
  std::optional<LoanAllocator::Place> place;
  {
    const os::MutexLock lock(lender->mutex_);
    place = lender->allocator_.take(bytes);
  }
  if (!place) return nullptr;
  try {
    lender->area_->reach(place->offset + bytes);
    return std::make_shared<OwnLoan>(lender, *place, bytes);
  } catch (...) {
    const os::MutexLock lock(lender->mutex_);
    lender->allocator_.drop(place->slot);
    throw;
  }
}

}  // namespace coproc::inline v0::link
