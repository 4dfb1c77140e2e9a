// Frames as tests of the doors send them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/contents.hpp"
#include "wire/outbox.hpp"

namespace coproc::inline v0::wire::testing {

/// Everything that waits to leave, at most so many bytes.
inline std::vector<std::byte> leave(Outbox& outbox, std::size_t most = ~std::size_t{0}) {
  std::vector<std::byte> bytes;
  outbox.flush([&](std::span<const std::byte> part) {
    const std::size_t taken = std::min(part.size(), most - bytes.size());
    bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(taken));
    return taken;
  });
  return bytes;
}

inline std::vector<std::byte> frame(FrameType type, std::uint64_t value = 0, std::string_view payload = {}) {
  Outbox outbox;
  outbox.put_bulk(type, value, to_payload(payload));
  return leave(outbox);
}

inline std::string text_of(const std::vector<std::byte>& payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

}  // namespace coproc::inline v0::wire::testing
