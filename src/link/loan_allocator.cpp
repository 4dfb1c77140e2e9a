#include "link/loan_allocator.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace coproc::inline v0::link {

// ---- size classes: one for each size of up to 16 pages, then 8 for each doubling ----

/// The largest class whose blocks have no more than so many pages.
std::uint32_t LoanAllocator::class_within(std::uint64_t pages) noexcept {
  if (pages < 16) return static_cast<std::uint32_t>(pages);
  const auto doublings = static_cast<std::uint32_t>(std::bit_width(pages)) - 4;
  return 8 * doublings + static_cast<std::uint32_t>(pages >> doublings);
}

std::uint64_t LoanAllocator::pages_of_class(std::uint32_t size_class) noexcept {
  if (size_class < 16) return size_class;
  const std::uint32_t doublings = size_class / 8 - 1;
  return static_cast<std::uint64_t>(size_class - 8 * doublings) << doublings;
}

// ---- taking ----

std::optional<LoanAllocator::Place> LoanAllocator::take(std::uint64_t bytes) {
  look_at_oldest(kLooks);
  // If many loans stay out for long, the returned ones among them would be found late, and hold memory until then.
  if (taken_since_sweep_ > std::max(kSweepBytes, lent_count_.bytes)) sweep();
  auto place = try_take(bytes);
  if (!place) {
    sweep();
    place = try_take(bytes);
  }
  while (!place && cool_oldest()) place = try_take(bytes);
  if (place) taken_since_sweep_ += bytes;
  return place;
}

std::optional<LoanAllocator::Place> LoanAllocator::try_take(std::uint64_t bytes) {
  const std::uint64_t pages = (bytes - 1) / kLoanPage + 1;
  std::uint32_t index = take_warm(pages);
  if (index == kNone) {
    const auto cold = take_cold(pages);
    if (!cold) return std::nullopt;
    index = *cold;
  }
  Slot& slot = slots_[index];
  slot.bytes = bytes;
  slot.touched = std::max(slot.touched, pages);
  begin_to_hold(slot);
  return Place{index, slot.generation, slot.first * kLoanPage};
}

void LoanAllocator::begin_to_hold(Slot& slot) noexcept {
  slot.state = State::held;
  if (++slot.generation == 0) slot.generation = 1;  // a return word that was never written is 0
  ++held_count_.loans;
  held_count_.bytes += slot.bytes;
}

/// Takes a warm block that is at most about twice as large as wanted.
std::uint32_t LoanAllocator::take_warm(std::uint64_t pages) noexcept {
  std::uint32_t first = class_within(pages);
  if (pages_of_class(first) < pages) ++first;
  const std::uint32_t end = std::min(first + 8, kClasses);
  for (std::uint32_t size_class = first; size_class < end; ++size_class) {
    const std::uint32_t index = newest_of_class_[size_class];
    if (index == kNone) continue;
    leave_warm(index);
    return index;
  }
  return kNone;
}

std::optional<std::uint32_t> LoanAllocator::take_cold(std::uint64_t pages) {
  const std::uint32_t index = take_vacant();
  if (index == kNone) return std::nullopt;
  std::uint32_t size_class = class_within(pages);
  if (pages_of_class(size_class) < pages) ++size_class;
  std::uint64_t taken = pages_of_class(size_class);
  auto first = free_.take(taken);
  if (!first) first = free_.take(taken = pages);  // exactly what is needed
  if (!first) return std::nullopt;
  Slot& slot = slots_[index];
  vacant_ = slot.links_of_class.older;
  slot.first = *first;
  slot.pages = taken;
  slot.touched = 0;
  return index;
}

/// A vacant slot. It stays at the head of the vacant list until it is used.
std::uint32_t LoanAllocator::take_vacant() {
  if (vacant_ == kNone && slots_.size() == max_slots_) cool_oldest();
  if (vacant_ == kNone && slots_.size() < max_slots_) {
    slots_.emplace_back();
    vacant_ = static_cast<std::uint32_t>(slots_.size() - 1);
  }
  return vacant_;
}

// ---- lending ----

void LoanAllocator::lend(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  --held_count_.loans;
  held_count_.bytes -= slot.bytes;
  ++lent_count_.loans;
  lent_count_.bytes += slot.bytes;
  slot.state = State::lent;
  append(lent_, index);
}

void LoanAllocator::drop(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  if (slot.state != State::held) return;
  --held_count_.loans;
  held_count_.bytes -= slot.bytes;
  warm_up(index);
}

std::optional<std::uint32_t> LoanAllocator::take_back(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  if (!memory_.is_returned(index, slot.generation)) return std::nullopt;
  remove(lent_, index);
  --lent_count_.loans;
  lent_count_.bytes -= slot.bytes;
  slot.is_kept = false;
  begin_to_hold(slot);
  return slot.generation;
}

void LoanAllocator::sweep() noexcept {
  look_at_oldest(lent_count_.loans);
  taken_since_sweep_ = 0;
}

void LoanAllocator::retire() noexcept {
  is_retired_ = true;
  sweep();
  while (cool_oldest()) {}
}

/// A loan that is still out becomes the newest of the list, so that all get their turn.
void LoanAllocator::look_at_oldest(std::uint64_t how_many) noexcept {
  for (how_many = std::min(how_many, lent_count_.loans); how_many != 0; --how_many) {
    const std::uint32_t index = lent_.oldest;
    Slot& slot = slots_[index];
    const bool is_back = !slot.is_kept && (is_retired_ || memory_.is_returned(index, slot.generation));
    if (!is_back && index == lent_.newest) return;
    if (is_back) {
      come_back(index);
    } else {
      remove(lent_, index);
      append(lent_, index);
    }
  }
}

/// Takes back a lent block that nobody uses any more.
void LoanAllocator::come_back(std::uint32_t index) noexcept {
  remove(lent_, index);
  --lent_count_.loans;
  lent_count_.bytes -= slots_[index].bytes;
  warm_up(index);
}

// ---- warm blocks ----

void LoanAllocator::warm_up(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  slot.state = State::warm;
  append(warm_, index);
  std::uint32_t& newest = newest_of_class_[class_within(slot.pages)];
  slot.links_of_class = {newest, kNone};
  if (newest != kNone) slots_[newest].links_of_class.newer = index;
  newest = index;
  warm_bytes_ += slot.touched * kLoanPage;
  if (is_retired_) {
    while (cool_oldest()) {}
    return;
  }
  const std::uint64_t most = std::max(most_warm_bytes_, lent_count_.bytes + held_count_.bytes);
  while (warm_bytes_ > most && warm_.oldest != warm_.newest && cool_oldest()) {}
}

void LoanAllocator::leave_warm(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  remove(warm_, index);
  const auto [older, newer] = slot.links_of_class;
  if (older != kNone) slots_[older].links_of_class.newer = newer;
  if (newer != kNone) {
    slots_[newer].links_of_class.older = older;
  } else {
    newest_of_class_[class_within(slot.pages)] = older;
  }
  warm_bytes_ -= slot.touched * kLoanPage;
}

/// Turns the longest unused warm block into free space without memory. False: there is none, or there is no memory to
/// record it.
bool LoanAllocator::cool_oldest() noexcept {
  const std::uint32_t index = warm_.oldest;
  if (index == kNone) return false;
  Slot& slot = slots_[index];
  try {
    free_.give(slot.first, slot.pages);
  } catch (const std::bad_alloc&) {
    return false;
  }
  leave_warm(index);
  memory_.give_back(slot.first * kLoanPage, slot.touched * kLoanPage);
  slot.state = State::vacant;
  slot.links_of_class = {vacant_, kNone};
  vacant_ = index;
  return true;
}

// ---- lists ----

void LoanAllocator::append(List& list, std::uint32_t index) noexcept {
  slots_[index].links = {list.newest, kNone};
  (list.newest == kNone ? list.oldest : slots_[list.newest].links.newer) = index;
  list.newest = index;
}

void LoanAllocator::remove(List& list, std::uint32_t index) noexcept {
  const auto [older, newer] = slots_[index].links;
  (older == kNone ? list.oldest : slots_[older].links.newer) = newer;
  (newer == kNone ? list.newest : slots_[newer].links.older) = older;
}

}  // namespace coproc::inline v0::link
