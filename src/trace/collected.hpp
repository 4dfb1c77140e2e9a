// What a trace holds until it is drawn.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "link/event_area.hpp"

namespace coproc::inline v0::trace {

struct CollectedEvent {
  std::int64_t time;
  std::uint64_t id;
  std::uint32_t link;     // a number of the trace; 0: it is a span of the host
  std::uint32_t process;  // the index in Collected::processes
  std::uint32_t thread;
  std::uint32_t name;  // the index in Collected::names
  link::EventKind kind;
  bool is_of_host;  // which end of the link has noted it
};

/// What workers say is added up here. A sum that is not possible is as much as there can be.
inline std::uint64_t added_up(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return b > kMost - a ? kMost : a + b;
}

struct CollectedProcess {
  int pid;
  std::string name;
  std::uint64_t overwritten = 0;
  std::int64_t end = 0;  // when its end was noticed; 0: it was alive when it was read last
};

struct Collected {
  std::vector<CollectedEvent> events;
  std::vector<CollectedProcess> processes;  // the first one is the host
  std::deque<std::string> names;            // which stay where they are
  std::uint64_t left_out = 0;
  std::int64_t end = 0;  // of the trace

  std::uint64_t overwritten() const noexcept {
    std::uint64_t all = 0;
    for (const CollectedProcess& process : processes) all = added_up(all, process.overwritten);
    return all;
  }
};

}  // namespace coproc::inline v0::trace
