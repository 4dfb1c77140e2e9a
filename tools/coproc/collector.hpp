// Looks again and again at the processes that were asked for, and compares each look with the one before.
//
// Thread safety: none.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "rates.hpp"
#include "seen.hpp"

namespace command {

class Collector {
 public:
  using Time = Rates::Time;

  /// Looks for the first time. With pids, only what belongs to these processes is seen, and to no others that are given
  /// the same pids later.
  explicit Collector(const std::vector<pid_t>& pids);

  void look();
  /// The next look is compared with nothing.
  void forget() { rates_ = Rates(); }

  bool sees_all() const noexcept { return sees_all_; }
  const Seen& seen() const noexcept { return seen_; }
  const Rates& rates() const noexcept { return rates_; }
  Watcher& watcher() noexcept { return watcher_; }
  /// Of the last look.
  Time time() const noexcept { return time_; }
  /// What the last look has shown, as `coproc top --json` prints it.
  nlohmann::json json();

 private:
  Seen only_wanted(Seen seen) const;
  void take(Seen seen);

  Watcher watcher_;
  Rates rates_;
  Seen seen_;
  bool sees_all_;
  std::vector<std::pair<pid_t, std::uint64_t>> wanted_;  // with their starts
  Time time_{};
};

}  // namespace command
