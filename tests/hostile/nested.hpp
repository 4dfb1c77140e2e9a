// A type that holds itself, as deep as a sender likes.
#pragma once

#include <vector>

#include "hostile/attacker.hpp"

namespace hostile {

struct Nested {
  std::vector<Nested> inside;
};

/// The bytes of one that is `depth` levels deep: counts of 1, and a 0 at the end.
inline Bytes nested(std::size_t depth) {
  Bytes bytes;
  for (std::size_t i = 0; i < depth; ++i) bytes.push_back(std::byte(1)), bytes.resize(bytes.size() + 7);
  bytes.resize(bytes.size() + 8);
  return bytes;
}

}  // namespace hostile
