#include "link/loan_area.hpp"

#include <utility>

#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);

LoanArea::LoanArea(os::Mapping mapping, LoanShape shape) noexcept
    : mapping_(std::move(mapping)), shape_(shape), generation_(os::fork_generation()) {}

LoanArea::~LoanArea() {
  if (!is_own_process()) mapping_.forget();
}

bool LoanArea::is_own_process() const noexcept { return generation_ == os::fork_generation(); }

void LoanArea::give_back(std::uint64_t offset, std::uint64_t bytes) noexcept { os::punch_hole(at(offset), bytes); }

bool LoanArea::holds(const LoanReference& reference) const noexcept {
  return reference.slot < shape_.slots() && reference.generation != 0 && reference.bytes != 0 &&
         reference.offset % kLoanPage == 0 && reference.offset <= shape_.space &&
         reference.bytes <= shape_.space - reference.offset;
}

}  // namespace coproc::inline v0::link
