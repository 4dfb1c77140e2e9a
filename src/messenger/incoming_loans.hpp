// The loans of a received message: it reads the references at the end of the payload, checks them, and borrows the
// memory to which they refer.
//
// References are untrusted: they are read from a private copy of the payload, and checked before they are used.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: whatever the peer writes, the payload and the loans of one message are together within
// `max_message_bytes_`.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "coproc/detail/loan.hpp"
#include "link/frame.hpp"
#include "link/link.hpp"
#include "messenger/entry.hpp"
#include "messenger/peer.hpp"

namespace coproc::inline v0::detail {

class IncomingLoans {
 public:
  /// `link`: the link of the messages, or null if no message may have loans. The link and the peer must outlive this.
  IncomingLoans(link::Link* link, std::size_t max_message_bytes, const Peer& peer) noexcept
      : link_(link), max_message_bytes_(max_message_bytes), peer_(peer) {}

  /// How much the loans of a frame count in the inbox, in bytes, as the frame states it. The value is untrusted, since
  /// the peer may be changing the bytes: use it only to decide whether the inbox is full.
  static std::size_t stated_cost(const link::Frame& frame) noexcept {
    return (frame.header.flags & link::kCarriesLoans) == 0 ? 0 : stated_cost(frame.payload);
  }

  /// How much these loans count in the inbox, in bytes.
  static std::size_t cost_of(std::span<const std::shared_ptr<LoanHold>> loans) noexcept;

  /// Borrows all loans to which the entry's payload refers. Throws ProtocolError if a reference is invalid, and
  /// SystemLimitError if the memory can be neither mapped nor read. If it throws, nothing has changed.
  std::vector<std::shared_ptr<LoanHold>> find(const Entry& entry) const;
  /// Moves the loans into the entry and removes the references from its payload. If the loans are dropped before
  /// `keep`, they are not returned to the peer.
  static void attach(Entry& entry, std::vector<std::shared_ptr<LoanHold>> loans) noexcept;
  /// Call when the entry is in the inbox. From now on, loans that are dropped are returned to the peer.
  static void keep(const Entry& entry) noexcept;

 private:
  static std::size_t stated_cost(std::span<const std::byte> payload) noexcept;

  link::Link* link_;               // constant after construction; may be null
  std::size_t max_message_bytes_;  // constant after construction
  const Peer& peer_;
};

}  // namespace coproc::inline v0::detail
