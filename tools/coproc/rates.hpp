// What has changed between two looks at the processes that use coproc.
//
// Thread safety: none.
// Invariants: rates are of the same process and the same link: a pid that was given to another process counts as new,
// and what is new has no rates.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "seen.hpp"

namespace command {

struct ProcessRate {
  double processors = 0;     // that it has used, on average
  double state_seconds = 0;  // for how long it was seen in its state, at least
};

struct RingRate {
  double bytes = 0;                // a second
  std::optional<double> messages;  // a second, if that is known
};

class Rates {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Takes a look in, and what it shows beside the one before.
  void update(const Watcher& watcher, const Seen& seen, Time now);

  /// nullopt: there was no look at it before.
  std::optional<ProcessRate> of(const SeenProcess& process) const;
  std::optional<RingRate> of(const SeenLink& link, int from) const;
  /// Between the last two looks.
  double seconds() const noexcept { return seconds_; }

 private:
  struct ProcessPast {
    std::chrono::nanoseconds processor_time{0};
    std::string state;
    Time since{};
    std::optional<ProcessRate> rate;
  };
  struct RingPast {
    std::uint64_t tail = 0;
    std::optional<double> bytes_a_message;
    std::optional<RingRate> rate;
  };
  using ProcessKey = std::pair<pid_t, std::uint64_t>;                       // with its start
  using RingKey = std::pair<std::pair<std::uint64_t, std::uint64_t>, int>;  // its link's file, and where it comes from

  static RingKey key_of(const SeenLink& link, int from) { return {{link.file.device, link.file.inode}, from}; }
  RingPast next_of(const Watcher& watcher, const SeenLink& link, int from, const RingPast& before, Time until) const;

  std::map<ProcessKey, ProcessPast> processes_;
  std::map<RingKey, RingPast> rings_;
  Time last_{};
  double seconds_ = 0;
};

}  // namespace command
