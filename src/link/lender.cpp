#include "link/lender.hpp"

#include <utility>

namespace coproc::inline v0::link {

Lender::Lender(std::shared_ptr<LoanArea> area)
    : area_(std::move(area)), allocator_(area_->shape().space, area_->shape().slots(), *area_) {}

Lender::Counts Lender::counts() const {
  const std::lock_guard lock(mutex_);
  return {allocator_.lent(), allocator_.held()};
}

void Lender::look(std::uint64_t how_many) noexcept {
  const std::lock_guard lock(mutex_);
  allocator_.look_at_oldest(how_many);
}

OwnLoan::~OwnLoan() {
  if (is_handed_over_ || !is_here()) return;
  const std::lock_guard lock(lender_->mutex_);
  lender_->allocator_.drop(place_.slot);
}

void OwnLoan::hand_over() noexcept {
  {
    const std::lock_guard lock(lender_->mutex_);
    lender_->allocator_.lend(place_.slot);
  }
  is_handed_over_ = true;
  if (handle != nullptr) handle->clear();
}

std::shared_ptr<OwnLoan> lend(const std::shared_ptr<Lender>& lender, std::size_t bytes) {
  std::optional<LoanAllocator::Place> place;
  {
    const std::lock_guard lock(lender->mutex_);
    place = lender->allocator_.take(bytes);
  }
  if (!place) return nullptr;
  try {
    return std::make_shared<OwnLoan>(lender, *place, bytes);
  } catch (...) {
    const std::lock_guard lock(lender->mutex_);
    lender->allocator_.drop(place->slot);
    throw;
  }
}

}  // namespace coproc::inline v0::link
