#include "census/roll.hpp"

#include <memory>

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0::census {

template <class Source>
constinit std::atomic<Roll<Source>*> Roll<Source>::present_{nullptr};

template <class Source>
Roll<Source>& Roll<Source>::of_this_process() {
  Roll* present = present_.load(std::memory_order_acquire);  // pairs with the exchange below
  std::unique_ptr<Roll> made;
  while (present == nullptr || present->generation_ != os::fork_generation()) {
    made.reset(new Roll(present));
    // release: whoever sees the roll sees that it is empty; pairs with the acquire loads
    if (present_.compare_exchange_strong(present, made.get(), std::memory_order_acq_rel)) return *made.release();
  }
  return *present;
}

template <class Source>
void Roll<Source>::for_each(const std::function<void(const Seen&)>& look) {
  Roll* const present = present_.load(std::memory_order_acquire);  // pairs with the exchange in of_this_process()
  if (present == nullptr || present->generation_ != os::fork_generation()) return;
  const os::MutexLock lock(present->mutex_);
  for (auto& [name, family] : present->families_) {
    for (const auto& record : family.records) {
      if (record) look({name, (*record)->place, (*record)->totals, (*record)->source});
    }
  }
}

template <class Source>
void Roll<Source>::Entry::enter(std::string_view name) {
  if (is_entered()) return;
  Roll& roll = of_this_process();
  record_ = roll.take_place(name, source_);
  roll_ = &roll;
}

/// If it throws, nothing has changed but that there may be a family without records.
template <class Source>
auto Roll<Source>::take_place(std::string_view name, Source& source) -> typename Records::iterator {
  const std::string key = detail::in_one_line(name);
  const os::MutexLock lock(mutex_);
  const auto at = families_.try_emplace(key).first;
  Family& family = at->second;
  family.name = &at->first;
  auto& records = family.records;
  const auto is_free = [&](std::size_t place)
                           COPROC_REQUIRES(mutex_) { return !records[place] || (*records[place])->source == nullptr; };
  while (family.first_free < records.size() && !is_free(family.first_free)) ++family.first_free;
  const std::size_t place = family.first_free;
  if (place == records.size()) records.emplace_back();
  if (!records[place]) {
    living_.push_back({.family = &family, .place = place});
    records[place] = std::prev(living_.end());
    ++family.count;
  } else {
    living_.splice(living_.end(), ended_, *records[place]);
  }
  (*records[place])->source = &source;
  ++family.first_free;
  return *records[place];
}

template <class Source>
void Roll<Source>::give_up_place(typename Records::iterator record) noexcept {
  record->source = nullptr;
  if (record->place < record->family->first_free) record->family->first_free = record->place;
  ended_.splice(ended_.end(), living_, record);
  if (ended_.size() > kMostEnded) forget_oldest();
}

template <class Source>
void Roll<Source>::forget_oldest() noexcept {
  Family& family = *ended_.front().family;
  family.records[ended_.front().place].reset();
  ended_.pop_front();
  if (--family.count == 0) families_.erase(families_.find(*family.name));
}

template class Roll<WorkerSource>;
template class Roll<PoolSource>;

}  // namespace coproc::inline v0::census
