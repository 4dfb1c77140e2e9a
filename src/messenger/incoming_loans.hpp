// The loans of a message that has come: found by the references at its end, checked, and kept until they are dropped.
//
// The peer is not trusted: what a reference names is checked before it is used, from a private copy of the payload.
//
// Thread safety: none; the core's. Invariants: whatever the peer writes, the loans of one message and its payload
// together are within `max_message_bytes_`.
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
  /// `link`: through which the loans come; null: it has none. The link and the peer must outlive this.
  IncomingLoans(link::Link* link, std::size_t max_message_bytes, const Peer& peer) noexcept
      : link_(link), max_message_bytes_(max_message_bytes), peer_(peer) {}

  /// How much the loans of a frame count in the inbox, in bytes, as the frame states it. Only for the question whether
  /// the inbox is full, since the peer may be changing the bytes that are read here.
  static std::size_t stated_cost(const link::Frame& frame) noexcept {
    return (frame.header.flags & link::kCarriesLoans) == 0 ? 0 : stated_cost(frame.payload);
  }

  /// How much these loans count in the inbox, in bytes.
  static std::size_t cost_of(std::span<const std::shared_ptr<LoanHold>> loans) noexcept;

  /// Takes hold of all that the entry's payload refers to. Throws ProtocolError, SystemLimitError; then nothing has
  /// changed.
  std::vector<std::shared_ptr<LoanHold>> find(const Entry& entry) const;
  /// Moves the loans into the entry and cuts the references off its payload. Until `keep`, dropping the loans does not
  /// return them to the peer.
  static void attach(Entry& entry, std::vector<std::shared_ptr<LoanHold>> loans) noexcept;
  /// The entry is in the inbox: from now on dropping its loans returns them to the peer.
  static void keep(const Entry& entry) noexcept;

 private:
  static std::size_t stated_cost(std::span<const std::byte> payload) noexcept;

  link::Link* link_;               // constant after construction; null: no loans
  std::size_t max_message_bytes_;  // constant after construction
  const Peer& peer_;
};

}  // namespace coproc::inline v0::detail
