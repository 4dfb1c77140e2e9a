// How the doors take the next frame off the bytes that have come in.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "wire/frame.hpp"

namespace coproc::inline v0::wire {

/// The most that an answer or a greeting carries, with room for the largest.
inline constexpr std::size_t kMostSmallPayload = std::size_t{32} << 10;

inline std::string name_of(FrameType type) { return "a frame of type " + std::to_string(static_cast<int>(type)); }

/// Takes the next frame off the bytes. Its header is checked when that has come, before the payload is waited for, and
/// its contents when all of it has come. nullopt: the rest of it has not come. What the checks throw is passed on.
template <class CheckHeader, class CheckContents>
std::optional<Frame> next_frame(std::span<const std::byte>& bytes, CheckHeader check_header,
                                CheckContents check_contents) {
  if (bytes.size() < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  check_header(header);
  if (bytes.size() - sizeof header < header.length) return std::nullopt;
  const Frame frame{header.type, header.value, bytes.subspan(sizeof header, header.length)};
  check_contents(frame);
  bytes = bytes.subspan(sizeof header + header.length);
  return frame;
}

}  // namespace coproc::inline v0::wire
