#include "link/loan_area.hpp"

#include <algorithm>
#include <utility>

#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);

/// Opened in large steps, not for each loan.
constexpr std::uint64_t kLeastReach = std::uint64_t{1} << 20;

LoanArea::LoanArea(os::Mapping mapping, LoanShape shape)
    : mapping_(std::move(mapping)), shape_(shape), generation_(os::fork_generation()) {
  os::open_pages(mapping_.data(), shape_.words());
  borrowed_.before = borrowed_.after = &borrowed_;
}

void LoanArea::reach(std::uint64_t end) {
  const os::MutexLock lock(mutex_);
  if (end <= reached_) return;
  const std::uint64_t wanted = std::max({end, 2 * reached_, kLeastReach});
  const std::uint64_t reached = std::min<std::uint64_t>(in_loan_pages(wanted), shape_.space);
  os::open_pages(at(reached_), reached - reached_);
  reached_ = reached;
}

LoanArea::~LoanArea() {
  if (!is_own_process()) mapping_.forget();
}

bool LoanArea::is_own_process() const noexcept { return generation_ == os::fork_generation(); }

void LoanArea::begin(Borrowed& borrowed) noexcept {
  const os::MutexLock lock(borrowed_mutex_);
  borrowed.before = borrowed_.before;
  borrowed.after = &borrowed_;
  borrowed.before->after = borrowed.after->before = &borrowed;
}

void LoanArea::end(Borrowed& borrowed, std::uint32_t slot, std::uint32_t generation) noexcept {
  const os::MutexLock lock(borrowed_mutex_);
  borrowed.before->after = borrowed.after;
  borrowed.after->before = borrowed.before;
  if (is_retired_) {
    give_back(borrowed.offset, in_loan_pages(borrowed.bytes));
  } else {
    store_return_word(slot, generation);
  }
}

std::vector<LoanArea::Stretch> LoanArea::retire() {
  const os::MutexLock lock(borrowed_mutex_);
  std::vector<Stretch> kept, rest;
  for (const Borrowed* each = borrowed_.after; each != &borrowed_; each = each->after)
    kept.push_back({each->offset, in_loan_pages(each->bytes)});
  std::sort(kept.begin(), kept.end(), [](const Stretch& a, const Stretch& b) { return a.offset < b.offset; });
  std::uint64_t at = 0;
  for (const Stretch& each : kept) {  // they overlap if the peer broke the rules
    if (each.offset > at) rest.push_back({at, each.offset - at});
    at = std::max(at, each.offset + each.bytes);
  }
  if (at < shape_.space) rest.push_back({at, shape_.space - at});
  is_retired_ = true;
  return rest;
}

void LoanArea::give_back(std::uint64_t offset, std::uint64_t bytes) noexcept { os::punch_hole(at(offset), bytes); }

}  // namespace coproc::inline v0::link
