// One end of a link, and a wire: what comes out of one goes into the other.
//
// It looks into no record. Whoever reads the link at last checks what is in them, as if the records came from a process
// on the same machine.
//
// Thread safety: one thread at a time.
// Invariants: what it has taken out of the link was sent, in the link's order, and within the window. An overtaking
// is told behind all records that the link's count of them includes, and soon: to tell it once too often does no harm.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "agent/deliveries.hpp"
#include "link/link.hpp"
#include "wire/contents.hpp"
#include "wire/outbox.hpp"
#include "wire/window.hpp"

namespace coproc::inline v0::agent {

class Relay {
 public:
  /// All of them outlive the relay.
  Relay(link::Link& link, wire::Outbox& outbox, wire::Windows& windows) noexcept
      : link_(link),
        outbox_(outbox),
        windows_(windows),
        deliveries_(link),
        enough_(std::min<std::uint64_t>(std::uint64_t{32} << 10, link.max_record())) {}

  // ---- from the link to the wire ----

  /// Sends the records that are in the link, as far as the window and the wire allow. Throws ProtocolError if the link
  /// is broken; what came before that is sent.
  void send();
  /// Tells the other side of close requests, if there are new ones.
  void send_close_request();
  /// Whether nothing is left in the link. REQUIRES: the peer writes no more. Throws ProtocolError.
  bool has_sent_all() { return !link_.look(); }
  /// Whether records in the link would be sent now.
  bool wants_records() const noexcept { return !lacks_window_ && outbox_.bulk_bytes() < kMostBacklog; }
  /// Whether it is better to leave the link alone for kGathering than to be woken by its next record. So it is while
  /// records come one way and a look finds only a few: each would cost its sender a system call, and both sides here
  /// some more. Whoever waits for an answer does not send one way.
  bool lets_gather() const noexcept { return sends_in_a_row_ > kFew && sent_by_last_ < enough_; }
  /// The first half of a wait for the link, as that of link::Link. `may_send`: records in it would be sent.
  std::chrono::nanoseconds begin_sleep(std::span<pollfd, link::Link::kSleepFds> fds, bool may_send);

  // ---- from the wire to the link ----

  void take_records(std::span<const std::byte> records) {
    received_ += records.size();
    deliveries_.add_records(records);
  }
  void take_overtaking() { deliveries_.add_overtaking(); }
  void take_broken() { deliveries_.add_impossible_record(); }
  /// Puts what has come into the link, as far as there is room, and gives the window back. Returns whether
  /// that was anything. Throws ProtocolError.
  bool deliver();
  bool has_delivered_all() const noexcept { return deliveries_.is_empty(); }

  // ---- both ----

  /// Whether both directions wait: the link has no room, and its records have no window.
  bool can_move_nothing() const noexcept { return lacks_window_ && !deliveries_.is_empty(); }
  wire::Stuck counts() const noexcept {
    return {received_, sent_, windows_.records_in.given(), windows_.records_out.given_back()};
  }

 private:
  static constexpr std::size_t kMostBacklog = std::size_t{128} << 10;
  static constexpr std::chrono::microseconds kGathering{50};
  static constexpr int kFew = 3;

  bool add_next_record();
  std::size_t payload_bytes() const noexcept { return frame_.empty() ? 0 : frame_.size() - sizeof(wire::Header); }
  void send_frame();

  link::Link& link_;
  wire::Outbox& outbox_;
  wire::Windows& windows_;
  Deliveries deliveries_;
  std::vector<std::byte> frame_;  // empty, or room for a header and records that were taken out of the link
  const std::uint64_t enough_;    // bytes: a send of so many finds no few; at most a quarter of the ring
  bool lacks_window_ = false;     // when send() ended
  std::uint32_t overtakings_told_ = 0;
  std::uint32_t closes_told_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sent_by_last_ = 0;  // bytes, by the last send()
  int sends_in_a_row_ = 0;          // that found something, since something was delivered
};

}  // namespace coproc::inline v0::agent
