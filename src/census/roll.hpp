// The list of the workers of this process, and that of its pools: their names, places, and the counts of what has
// ended.
//
// There is one Roll<WorkerSource> and one Roll<PoolSource> in a process. Each is made when the first object enters it,
// so that a program without workers has none, and is never destroyed, since objects with static storage leave it late.
// A forked child has no workers of its own yet: it begins with empty rolls, and abandons those of its parent, whose
// lock another thread may have held at the fork. So an object that entered the roll of another process is in no roll
// here.
//
// A place numbers the objects of one name that exist at the same time, from 0 on. An object that enters takes the
// lowest free place of its name, and continues the counts of the object that had it before: so the counts of a name and
// a place never go back. The counts of the kMostEnded places that were left last are kept, and those of others are
// forgotten, since a program may use any number of names.
//
// Thread safety: any thread. A roll has one lock, which is also held while a source is read: a source must not use the
// roll within `read`, and no lock that `read` takes may be held by a thread that enters, changes or leaves.
// Locks in their order: the roll of pools, that of a pool, the roll of workers, those of a worker.
// Invariants: a record is in `living_` if its source is set, and otherwise in `ended_`, the one that was left first in
// front. Each record is in `records` of its family, at its place. No place below `first_free` of its family is free.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "census/pool.hpp"
#include "census/worker.hpp"
#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "os/thread_annotations.hpp"

namespace coproc::inline v0::census {

template <class Source>
class Roll {
  struct Record;
  using Records = std::list<Record>;

 public:
  using Totals = typename Source::Totals;
  static constexpr std::size_t kMostEnded = 1000;

  /// One name and place.
  struct Seen {
    const std::string& name;  // in one line: see foreign_text.hpp
    std::size_t place;
    Totals& totals;
    Source* source;  // null: the object that was here has ended
  };

  /// Calls `look` for each name and place of this process, in their order, with the lock held.
  static void for_each(const std::function<void(const Seen&)>& look);

  /// The part of an object that keeps it in the roll.
  class Entry {
   public:
    explicit Entry(Source& source) noexcept : source_(source) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      leave([](Totals&) {});
    }

    /// Enters the roll of this process. Does nothing if the object is in it. Throws std::bad_alloc.
    void enter(std::string_view name);
    /// Calls `change(totals)` for the last time, and leaves the roll in the same step. Does nothing if the object is
    /// not in the roll of this process.
    template <class Change>
    void leave(const Change& change) noexcept {
      if (!is_entered()) return;
      const os::MutexLock lock(roll_->mutex_);
      change(record_->totals);
      roll_->give_up_place(record_);
      roll_ = nullptr;
    }
    /// Calls `change(totals)` with the lock held, so that whoever reports sees all of the change or nothing. If the
    /// object is not in the roll of this process, the totals are thrown away.
    template <class Change>
    void change(const Change& change) noexcept {
      Totals unused;
      if (!is_entered()) return change(unused);
      const os::MutexLock lock(roll_->mutex_);
      change(record_->totals);
    }

   private:
    bool is_entered() const noexcept { return roll_ != nullptr && roll_->generation_ == os::fork_generation(); }

    Source& source_;
    Roll* roll_ = nullptr;
    typename Records::iterator record_;
  };

 private:
  struct Family;
  struct Record {
    Family* family;
    std::size_t place;
    Source* source = nullptr;
    Totals totals = {};
  };
  struct Family {
    const std::string* name = nullptr;                               // its key
    std::vector<std::optional<typename Records::iterator>> records;  // by place; none: it was forgotten
    std::size_t first_free = 0;
    std::size_t count = 0;  // records that are not forgotten
  };

  explicit Roll(Roll* before) noexcept : before_(before) {}

  static Roll& of_this_process();
  typename Records::iterator take_place(std::string_view name, Source& source);
  void give_up_place(typename Records::iterator record) noexcept COPROC_REQUIRES(mutex_);
  void forget_oldest() noexcept COPROC_REQUIRES(mutex_);

  static constinit std::atomic<Roll*> present_;

  const unsigned long generation_ = os::fork_generation();
  Roll* const before_;  // that of the parent; kept so that its memory does not count as lost
  os::Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_ COPROC_GUARDED_BY(mutex_);
  Records living_ COPROC_GUARDED_BY(mutex_);
  Records ended_ COPROC_GUARDED_BY(mutex_);
};

extern template class Roll<WorkerSource>;
extern template class Roll<PoolSource>;

using Workers = Roll<WorkerSource>;
using Pools = Roll<PoolSource>;

}  // namespace coproc::inline v0::census
