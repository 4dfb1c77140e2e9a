// The numbers that stand for channels and types in the frames of this end, and the declarations that introduce them.
//
// A declaration takes two steps, since the peer counts only frames that were sent: `encode_declaration` returns the
// payload of the frame, and `note_declared` assigns the number when the frame has been sent. If the send fails, nothing
// has changed.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: numbers are assigned in the order in which the declarations are sent, without gaps, as the peer counts
// them: channels from 1 (0 is the default channel), types from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "coproc/detail/buffer.hpp"
#include "coproc/type_info.hpp"
#include "messenger/channels.hpp"
#include "messenger/name_budget.hpp"
#include "messenger/peer.hpp"

namespace coproc::inline v0::detail {

class OwnNames {
 public:
  /// `max_bytes`: see NameBudget. `peer`: for the texts of errors; it must outlive this.
  OwnNames(std::size_t max_bytes, const Peer& peer) : budget_(max_bytes), peer_(peer) {}

  /// The number of a type, or 0 if it is not declared. A channel's number is `Channel::number`.
  std::uint32_t number_of(std::uint64_t type_id) noexcept;
  std::uint32_t number_of(const TypeInfo& type) noexcept { return number_of(type.id); }
  /// Cache of the last type and its number, since consecutive messages mostly have the same type.
  bool is_last(const TypeInfo& type) const noexcept { return type.id == last_type_id_; }
  std::uint32_t last_number() const noexcept { return last_type_number_; }

  /// The payload of a declaration. Throws InvalidArgumentError if it is over the limits of the link.
  Buffer encode_declaration(const Channel& channel) const;
  Buffer encode_declaration(std::uint64_t type_id, const std::string& description);
  Buffer encode_declaration(const TypeInfo& type) { return encode_declaration(type.id, type.describe()); }
  /// Assigns and returns the number. Call when the declaration has been sent. `payload`: its size in bytes.
  std::uint32_t note_declared(Channel& channel, std::size_t payload) noexcept;
  std::uint32_t note_declared(std::uint64_t type_id, std::size_t payload) noexcept;
  std::uint32_t note_declared(const TypeInfo& type, std::size_t payload) noexcept {
    return note_declared(type.id, payload);
  }

 private:
  static constexpr std::uint32_t kMaxChannels = 1u << 20;

  void check_budget(std::size_t payload) const;

  NameBudget budget_;
  const Peer& peer_;
  std::uint32_t channels_ = 0;  // the number of declared channels
  std::uint32_t types_ = 0;     // the number of declared types
  // The key is the type's id and not the address of its TypeInfo: after a library is unloaded, another library's
  // TypeInfo may be at the same address.
  std::unordered_map<std::uint64_t, std::uint32_t> type_numbers_;  // 0: the declaration is not sent yet
  std::uint64_t last_type_id_ = 0;
  std::uint32_t last_type_number_ = 0;
};

}  // namespace coproc::inline v0::detail
