// The 64-byte message that every benchmark sends, with content that can be checked.
#pragma once

#include <cstdint>

namespace bench {

struct Payload {
  std::uint64_t sequence;
  std::uint64_t words[7];
};
static_assert(sizeof(Payload) == 64);

inline Payload make_payload(std::uint64_t sequence) noexcept {
  Payload payload{sequence, {}};
  for (std::uint64_t i = 0; i < 7; ++i) payload.words[i] = (sequence + i) * 0x9e3779b97f4a7c15;
  return payload;
}

inline bool is_payload(const Payload& payload, std::uint64_t sequence) noexcept {
  std::uint64_t wrong = payload.sequence ^ sequence;
  for (std::uint64_t i = 0; i < 7; ++i) wrong |= payload.words[i] ^ ((sequence + i) * 0x9e3779b97f4a7c15);
  return wrong == 0;
}

}  // namespace bench
