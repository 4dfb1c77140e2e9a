// Where the figures come from: kernel, compiler, processors, how much of them was stolen, and how near they are.
#pragma once

#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "bare_ring.hpp"
#include "peer.hpp"

namespace bench {

/// Processor time of the whole machine so far, in ticks.
struct MachineTime {
  double all = 0, stolen = 0;

  static MachineTime read() {
    std::ifstream file("/proc/stat");
    std::string name;
    file >> name;
    MachineTime time;
    double value = 0;
    for (int field = 0; field < 8 && file >> value; ++field) {
      time.all += value;
      if (field == 7) time.stolen = value;
    }
    return time;
  }
  double stolen_percent_since(const MachineTime& start) const {
    return all > start.all ? 100 * (stolen - start.stolen) / (all - start.all) : 0;
  }
};

inline std::string kernel_name() {
  utsname name{};
  uname(&name);
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

inline std::string compiler_name() {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

inline std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown processor";
}

/// Waits until no other process wants a processor, for at most so many seconds; returns how many it took.
inline double wait_for_quiet(double seconds) {
  const double start = now();
  while (now() - start < seconds) {
    std::ifstream file("/proc/loadavg");
    std::string average;
    int running = 0;
    if (!(file >> average >> average >> average >> running) || running <= 1) break;
    usleep(20'000);
  }
  return now() - start;
}

/// The processors that this process may use.
inline std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) throw_errno("sched_getaffinity");
  std::vector<int> list;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<unsigned>(i), &set)) list.push_back(i);
  }
  return list;
}

/// How long a flag takes to the peer's processor and back, in microseconds: 20 ms of ping-pong. On virtual machines it
/// changes by a factor of four from one moment to the next, as the host moves the virtual processors about.
inline double probe_distance(int peer_processor) {
  struct Flags {
    alignas(128) std::atomic<std::uint32_t> there{0};
    alignas(128) std::atomic<std::uint32_t> back{0};
  };
  constexpr std::uint32_t kEnd = ~0u;
  constexpr std::uint32_t kPerChunk = 500;
  Shared<Flags> flags;
  Peer peer(peer_processor, [&] {
    for (std::uint32_t seen = 0; seen != kEnd;) {
      const std::uint32_t next = flags->there.load(std::memory_order_acquire);
      if (next == seen) continue;
      seen = next;
      flags->back.store(seen, std::memory_order_release);
    }
  });
  std::vector<double> chunks;
  std::uint32_t flag = 0;
  for (const double end = now() + 0.020; now() < end;) {
    const double start = now();
    for (std::uint32_t i = 0; i < kPerChunk; ++i) {
      flags->there.store(++flag, std::memory_order_release);
      while (flags->back.load(std::memory_order_acquire) != flag) {}
    }
    chunks.push_back((now() - start) * 1e6 / kPerChunk);
  }
  flags->there.store(kEnd, std::memory_order_release);
  peer.finish();
  std::nth_element(chunks.begin(), chunks.begin() + static_cast<std::ptrdiff_t>(chunks.size() / 2), chunks.end());
  return chunks[chunks.size() / 2];
}

}  // namespace bench
