// The numbers by which this end names its channels and types to the peer, and the declarations that introduce them.
//
// A declaration has two steps, since only a frame that is out counts at the peer: `declare` gives the payload of the
// frame, and `note_declared` assigns the number once the frame has been sent. If the send fails, nothing has changed.
//
// Thread safety: none; the core's. Invariants: numbers are assigned in the order in which the declarations are sent,
// without gaps, as the peer counts them: channels from 1 (0 is the default channel), types from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "coproc/detail/buffer.hpp"
#include "coproc/type_info.hpp"
#include "messenger/channels.hpp"
#include "messenger/name_budget.hpp"
#include "messenger/peer.hpp"

namespace coproc::inline v0::detail {

class OwnNames {
 public:
  /// `max_bytes`: see NameBudget. `peer`: for errors; it must outlive this.
  OwnNames(std::size_t max_bytes, const Peer& peer) : budget_(max_bytes), peer_(peer) {}

  /// The number of a type, or 0: it is not declared. That of a channel is `Channel::number`.
  std::uint32_t number_of(const TypeInfo& type) noexcept;
  /// The type whose number was asked for last, and that number: messages of one type mostly follow each other.
  bool is_last(const TypeInfo& type) const noexcept { return type.id == last_type_id_; }
  std::uint32_t last_number() const noexcept { return last_type_number_; }

  /// The payload of a declaration. Throws InvalidArgumentError if the link's limits forbid it.
  Buffer declare(const Channel& channel) const;
  Buffer declare(const TypeInfo& type);
  /// The declaration, of so many bytes, has been sent.
  std::uint32_t note_declared(Channel& channel, std::size_t payload) noexcept;
  std::uint32_t note_declared(const TypeInfo& type, std::size_t payload) noexcept;

 private:
  static constexpr std::uint32_t kMaxChannels = 1u << 20;

  void check(std::size_t payload) const;

  NameBudget budget_;
  const Peer& peer_;
  std::uint32_t channels_ = 0;  // that were declared
  std::uint32_t types_ = 0;
  // By the types' ids, and not by the addresses of TypeInfo: when a library is unloaded, another one may come to lie
  // there.
  std::unordered_map<std::uint64_t, std::uint32_t> type_numbers_;  // 0: about to be declared
  std::uint64_t last_type_id_ = 0;
  std::uint32_t last_type_number_ = 0;
};

}  // namespace coproc::inline v0::detail
