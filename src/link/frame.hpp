// What travels through a link: frames, their header, and the one door through which a peer's header enters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace coproc::inline v0::link {

inline constexpr std::uint32_t kProtocolVersion = 1;

enum class FrameKind : std::uint8_t {
  message = 1,      // a user's value
  request = 2,      // a user's value that expects a reply
  reply = 3,        // a user's value that answers `request_id`
  error_reply = 4,  // an error that answers `request_id`
  error = 5,        // a system message: the next receive throws it
  final_error = 6,  // the same, and it is what ended the target
  channel = 7,      // declares the sender's next channel number: a ChannelId
  type = 8,         // declares the sender's next type number: a type id and its description
  fragment = 9,     // the next piece of a large payload
};

inline constexpr std::uint8_t kFirstFragment = 1;  // payload: total size (u64), then the first piece
inline constexpr std::uint8_t kAbort = 2;          // the fragments sent so far belong to a send that failed

/// Offsets in bytes:
///
///   0 length     u32  of the whole record with this header (the ring's length word)
///   4 kind       u8   FrameKind
///   5 flags      u8   kFirstFragment, kAbort
///   6 rest       i16  of the priority (Priority::rest)
///   8 channel    u32  number declared by the sender; 0 is the default channel
///  12 type       u32  number declared by the sender, from 1; 0: none
///  16 request_id u64
///  24 priority   f64
///  32 payload
struct FrameHeader {
  std::uint32_t length = 0;
  FrameKind kind = FrameKind::message;
  std::uint8_t flags = 0;
  std::int16_t rest = 0;
  std::uint32_t channel = 0;
  std::uint32_t type = 0;
  std::uint64_t request_id = 0;
  double priority = 0;
};
inline constexpr std::size_t kHeaderBytes = sizeof(FrameHeader);
static_assert(kHeaderBytes == 32 && offsetof(FrameHeader, channel) == 8 && offsetof(FrameHeader, priority) == 24);

struct Frame {
  FrameHeader header;                  // a private copy, checked
  std::span<const std::byte> payload;  // still in the ring: the peer may be changing it
};

/// Copies the header out of the ring and checks all of it that can be checked without knowing what was declared.
inline std::optional<Frame> parse_frame(std::span<const std::byte> record) noexcept {
  if (record.size() < kHeaderBytes) return std::nullopt;
  Frame frame;
  std::memcpy(&frame.header, record.data(), kHeaderBytes);
  // The peer may change its copy at any time: from here on only ours counts, and the compiler must not look again.
  asm volatile("" ::: "memory");
  const auto kind = static_cast<std::uint8_t>(frame.header.kind);
  if (kind < 1 || kind > static_cast<std::uint8_t>(FrameKind::fragment)) return std::nullopt;
  if ((frame.header.flags & ~(kFirstFragment | kAbort)) != 0) return std::nullopt;
  if (frame.header.priority != frame.header.priority) return std::nullopt;  // NaN
  frame.payload = record.subspan(kHeaderBytes);
  return frame;
}

}  // namespace coproc::inline v0::link
