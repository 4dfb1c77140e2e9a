// What travels through a link: frames, their header, and the one door through which a peer's header enters.
#pragma once

#include <bit>
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
  end = 10,         // the sender sends no more, but for a final_error, credit and cancellations
  part = 11,        // a user's value that is a part of the answer to `request_id`
  credit = 12,      // the reader has taken parts of the answer to `request_id`: so many bytes (u64)
  cancel = 13,      // the reader wants no more parts of the answer to `request_id`
  state = 14,       // a user's value that the next worker is given; it replaces the one before
};

inline constexpr std::uint8_t kFirstFragment = 1;  // payload: total size (u64), then the first piece
inline constexpr std::uint8_t kAbort = 2;          // the fragments sent so far belong to a send that failed
inline constexpr std::uint8_t kCarriesLoans = 4;   // the payload ends with references (loan_reference.hpp)
inline constexpr std::uint8_t kAsksForParts =
    8;  // of a request; the payload ends with a window (u64), before references
inline constexpr std::uint8_t kSavesState =
    16;  // of a reply; the payload ends with a state and its StateTrailer, before references

/// Offsets in bytes:
///
///   0 length     u32  of the whole record with this header (the ring's length word)
///   4 kind       u8   FrameKind
///   5 flags      u8   kFirstFragment, kAbort, kCarriesLoans, kAsksForParts, kSavesState
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

/// What a payload with the flag kSavesState has behind the value: so many bytes, which are a state, and this.
struct StateTrailer {
  std::uint64_t bytes = 0;
  std::uint64_t type = 0;  // a number like FrameHeader::type
};
static_assert(sizeof(StateTrailer) == 16);

/// Writes the header into the link from registers. A struct that was written field by field and then copied would
/// make the copy wait until the fields are in memory, and with them all earlier writes to contended cache lines.
inline void write_header(std::byte* to, const FrameHeader& header) noexcept {
  const auto put = [to](std::size_t at, std::uint64_t word) { std::memcpy(to + at, &word, sizeof word); };
  put(0, header.length | std::uint64_t{static_cast<std::uint8_t>(header.kind)} << 32 |
             std::uint64_t{header.flags} << 40 | std::uint64_t{static_cast<std::uint16_t>(header.rest)} << 48);
  put(8, header.channel | std::uint64_t{header.type} << 32);
  put(16, header.request_id);
  put(24, std::bit_cast<std::uint64_t>(header.priority));
}

struct Frame {
  FrameHeader header;                  // a private copy, checked
  std::span<const std::byte> payload;  // still in the ring: the peer may be changing it
};

/// Loads a word of a header. The peer may change the ring at any time. From here on only this copy counts: the compiler
/// must not load it again.
inline std::uint64_t load_word(const std::byte* header, std::size_t offset) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, header + offset, sizeof word);
  asm volatile("" : "+r"(word));
  return word;
}

/// Copies the header, whose first word is loaded already, out of the ring. REQUIRES: the record has a header.
inline void copy_header(std::span<const std::byte> record, std::uint64_t first, Frame& frame) noexcept {
  const std::uint64_t numbers = load_word(record.data(), 8);
  FrameHeader& header = frame.header;
  header.length = static_cast<std::uint32_t>(first);
  header.kind = static_cast<FrameKind>(first >> 32);
  header.flags = static_cast<std::uint8_t>(first >> 40);
  header.rest = static_cast<std::int16_t>(first >> 48);
  header.channel = static_cast<std::uint32_t>(numbers);
  header.type = static_cast<std::uint32_t>(numbers >> 32);
  header.request_id = load_word(record.data(), 16);
  header.priority = std::bit_cast<double>(load_word(record.data(), 24));
  frame.payload = record.subspan(kHeaderBytes);
}

/// Whether the kind and the flags of this frame are possible, if they are those of streams or states, or an end.
[[gnu::noinline, gnu::cold]] inline bool is_rarer(const Frame& frame) noexcept {
  const FrameHeader& header = frame.header;
  const auto has_only = [&](int flags) { return (header.flags & ~flags) == 0; };
  switch (header.kind) {
    case FrameKind::request:
      return has_only(kFirstFragment | kAbort | kCarriesLoans | kAsksForParts);
    case FrameKind::reply:
      return has_only(kFirstFragment | kAbort | kCarriesLoans | kSavesState);
    case FrameKind::state:
      return header.request_id == 0 && has_only(kFirstFragment | kAbort);
    case FrameKind::end:
      return frame.payload.empty() && has_only(kAbort);
    case FrameKind::part:
      return header.request_id != 0 && has_only(kFirstFragment | kAbort | kCarriesLoans);
    case FrameKind::credit:
      return header.request_id != 0 && frame.payload.size() == sizeof(std::uint64_t) && has_only(kAbort);
    case FrameKind::cancel:
      return header.request_id != 0 && frame.payload.empty() && has_only(kAbort);
    default:
      return false;
  }
}

/// Copies the header out of the ring and checks everything in it that needs no declarations. False: the header is
/// impossible.
inline bool parse_frame(std::span<const std::byte> record, Frame& frame) noexcept {
  if (record.size() < kHeaderBytes) return false;
  copy_header(record, load_word(record.data(), 0), frame);
  const FrameHeader& header = frame.header;
  const auto kind = static_cast<std::uint8_t>(header.kind);
  const bool is_common = kind >= 1 && kind <= static_cast<std::uint8_t>(FrameKind::fragment) &&
                         (header.flags & ~(kFirstFragment | kAbort | kCarriesLoans)) == 0 &&
                         ((header.flags & kCarriesLoans) == 0 || header.kind <= FrameKind::reply);
  return (is_common || is_rarer(frame)) && header.priority == header.priority;  // not NaN
}

/// The same for most frames: a whole message, request or reply without flags. False: it is another frame, which
/// parse_frame has to look at.
inline bool parse_plain_frame(std::span<const std::byte> record, Frame& frame) noexcept {
  if (record.size() < kHeaderBytes) return false;
  const std::uint64_t first = load_word(record.data(), 0);
  const auto kind_and_flags = static_cast<std::uint16_t>(first >> 32);
  if (unsigned{kind_and_flags} - 1 >= static_cast<unsigned>(FrameKind::reply)) return false;
  copy_header(record, first, frame);
  return frame.header.priority == frame.header.priority;  // not NaN
}

/// The same for a record behind the one of which `frame` is the plain frame, if it differs from it only in the request
/// id, the priority and the payload's bytes. False: it differs in more, or is invalid; `frame` is then of no use.
inline bool parse_similar_frame(std::span<const std::byte> record, Frame& frame) noexcept {
  if (record.size() != kHeaderBytes + frame.payload.size()) return false;
  const FrameHeader before = frame.header;
  copy_header(record, load_word(record.data(), 0), frame);
  const FrameHeader& header = frame.header;
  return header.kind == before.kind && header.flags == before.flags && header.channel == before.channel &&
         header.type == before.type && header.priority == header.priority;  // not NaN
}

inline std::optional<Frame> parse_frame(std::span<const std::byte> record) noexcept {
  Frame frame;
  return parse_frame(record, frame) ? std::optional(frame) : std::nullopt;
}

}  // namespace coproc::inline v0::link
