// What a hostile worker has to work with: its link's memory and pipes, raw frames, chosen values, and the host's pace.
//
// Thread safety: none; one thread of the worker.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "coproc/channel.hpp"
#include "link/frame.hpp"
#include "link/link_memory.hpp"

namespace hostile {

/// What host and attacker tell each other, in memory of its own that is shared by fork.
struct Control {
  std::atomic<std::uint64_t> mutations{0};   // counted by the attacker
  std::atomic<std::uint64_t> host_calls{0};  // counted by the host
  std::atomic<std::uint64_t> round{0};       // an attacker whose round is over ends
  std::atomic<int> grandchildren{0};         // that are alive
  std::atomic<std::uint64_t> boxes{0};       // that attackers have closed around themselves
};

using Bytes = std::vector<std::byte>;

class Attacker {
 public:
  Attacker(Control& control, std::uint64_t seed);

  // ---- the link ----
  coproc::link::LinkHeader& header() noexcept { return *reinterpret_cast<coproc::link::LinkHeader*>(link_.data()); }
  std::span<std::byte> link() const noexcept { return link_; }
  /// The area of what end `from` lends: 0 is the host. Mapped anew.
  std::span<std::byte> map_loans(int from) const;
  /// Of the host's wake-up pipe.
  int wake_out() const noexcept { return wake_out_; }
  void wake_host() noexcept;

  // ---- the pace ----
  bool is_over() const noexcept { return control_.round.load() != round_; }
  /// Counts one mutation; now and then lets the host make a call. False: the round is over.
  bool mutated();
  /// Counts one mutation and goes on at once.
  bool mutated_in_a_storm();
  /// Until the round is over, doing nothing.
  void wait_for_the_end() noexcept;
  Control& control() noexcept { return control_; }

  // ---- chance ----
  std::uint64_t any() { return random_(); }
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  /// A value that is likely to hurt where `old` stood.
  std::uint64_t chosen(std::uint64_t old);

  // ---- frames ----
  /// As the protocol has it, with whatever is in the header. Waits for space; gives up when the round is over.
  void send(coproc::link::FrameHeader header, std::span<const std::byte> payload = {});
  /// The next record's bytes as they are, behind a length word of `length`.
  void send_record(std::uint32_t length, std::span<const std::byte> rest);
  void declare_channel(const coproc::ChannelId& id);
  void declare_type(std::uint64_t id, const std::string& description);

 private:
  Control& control_;
  std::uint64_t round_;
  std::mt19937_64 random_;
  std::span<std::byte> link_;
  int wake_out_ = -1;
  int memory_ = -1;  // of the link; found before there is a box, in which no directory can be read
  coproc::ring::Producer producer_;
  std::uint64_t burst_ = 0;
  std::uint64_t before_;  // a value that was replaced lately
};

template <class... T>
Bytes encoded(const T&... values) {
  coproc::detail::Buffer buffer;
  coproc::Encoder encoder(buffer, 1 << 20);
  (coproc::encode(encoder, values), ...);
  const auto written = encoder.written();
  return {written.begin(), written.end()};
}

}  // namespace hostile
