// The frames between the near and the far agent of a machine, over a stream of bytes in each direction.
//
// The far agent's stream begins with a line that tells it apart from what the launcher may have printed before, and the
// near agent's with its first frame. docs/machines.md describes the protocol.
//
// Thread safety: values.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace coproc::inline v0::wire {

inline constexpr std::uint32_t kWireVersion = 2;
inline constexpr std::string_view kMarker = "\ncoproc-agent:1\n";
/// What stands in place of it, equally long, if the far side first needs the agent, or the worker's program.
inline constexpr std::string_view kAgentWanted = "\ncoproc-agent:A\n";
inline constexpr std::string_view kProgramWanted = "\ncoproc-agent:P\n";
static_assert(kAgentWanted.size() == kMarker.size() && kProgramWanted.size() == kMarker.size());

enum class FrameType : std::uint8_t {
  hello = 1,      // far, first: its versions
  start,          // near: the next piece of the start request; value: the bytes of it that follow
  started,        // far: whether the worker was started
  records,        // both: whole records, each with its length word; spends the window
  overtaking,     // both: the record before it is to be returned before earlier ones
  credit,         // both; value: bytes of records that are in the receiver's ring now
  close,          // both: a close request
  stuck,          // far; value 1: the worker is blocked in a send with a full inbox, and so is everything in between
  broken,         // far: the worker has broken its link, and nothing more comes through it
  signal,         // near: for the worker
  output,         // far; value 1 or 2: what the worker has printed there; spends the window of the output
  output_credit,  // near; value: bytes of output that have been written
  ended,          // far: how the worker's process has ended. What it sent before still follows
  exit,           // far, last: everything that the worker sent and printed has been sent
  ping,           // far; value: its number, from 1 on: a sign of life, and a question whether this one is seen
  pong,           // near; value: the number of the last ping that has come
  lease_over,     // far, last: no answer came in the time of the lease, and the worker was ended

  // Of trunks (trunk_door.hpp), which also have hello, credit, ping and pong. The value is a branch (branch_of) but
  // where something else is said.
  welcome,  // near, first; value: MachineOptions::silence in ns
  open,     // near: a new branch, whose far agent is to be executed
  opened,   // far: whether it was
  data,     // both: what was written into the branch; spends its window
  end,      // both: nothing more was written there
  gone,     // far, last of the branch: how its far agent has ended
  forget,   // near, last of the branch: the answer to `gone`
};
/// Of the wire of one worker.
inline constexpr std::uint8_t kLastType = static_cast<std::uint8_t>(FrameType::lease_over);

/// Offsets in bytes, little-endian:
///
///   0 length  u32    of the payload that follows the header, at most kMostPayload
///   4 type    u8
///   5 zero    u8[3]
///   8 value   u64    by type; else 0
struct Header {
  std::uint32_t length = 0;
  FrameType type = FrameType::hello;
  std::uint8_t zero[3] = {};
  std::uint64_t value = 0;
};
static_assert(sizeof(Header) == 16 && offsetof(Header, value) == 8 && std::is_trivially_copyable_v<Header> &&
              std::endian::native == std::endian::little);

/// The branch of a frame of a trunk, and, of `credit`, the bytes that are given back.
inline constexpr std::uint32_t branch_of(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value); }
inline constexpr std::uint32_t amount_of(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value >> 32);
}
inline constexpr std::uint64_t branch_value(std::uint32_t branch, std::uint32_t amount = 0) noexcept {
  return std::uint64_t{amount} << 32 | branch;
}

/// The largest record of a ring of remote::kMostRingBytes fits.
inline constexpr std::size_t kMostPayload = std::size_t{64} << 10;
/// A record has its length word and something more.
inline constexpr std::size_t kLeastRecord = 5;

/// A frame that has passed the door.
struct Frame {
  FrameType type = FrameType::hello;
  std::uint64_t value = 0;
  std::span<const std::byte> payload;  // in the buffer of whoever received it
};

}  // namespace coproc::inline v0::wire
