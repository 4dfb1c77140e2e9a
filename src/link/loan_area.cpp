#include "link/loan_area.hpp"

#include <utility>

#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);

/// So that it is not done for each loan.
constexpr std::uint64_t kLeastReach = std::uint64_t{1} << 20;

LoanArea::LoanArea(os::Mapping mapping, LoanShape shape)
    : mapping_(std::move(mapping)), shape_(shape), generation_(os::fork_generation()) {
  os::open_pages(mapping_.data(), shape_.words());
}

void LoanArea::reach(std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  if (end <= reached_) return;
  const std::uint64_t wanted = std::max({end, 2 * reached_, kLeastReach});
  const std::uint64_t reached = std::min<std::uint64_t>((wanted + kLoanPage - 1) / kLoanPage * kLoanPage, shape_.space);
  os::open_pages(at(reached_), reached - reached_);
  reached_ = reached;
}

LoanArea::~LoanArea() {
  if (!is_own_process()) mapping_.forget();
}

bool LoanArea::is_own_process() const noexcept { return generation_ == os::fork_generation(); }

void LoanArea::give_back(std::uint64_t offset, std::uint64_t bytes) noexcept { os::punch_hole(at(offset), bytes); }

}  // namespace coproc::inline v0::link
