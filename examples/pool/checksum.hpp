// The checksum of a file, as the command cksum computes it.
//
// Thread safety: free functions.
#pragma once

#include <cstdint>
#include <string>

namespace checksum {

struct Checksum {
  std::uint32_t crc = 0;
  std::uint64_t size = 0;
};

/// Throws std::system_error where the file cannot be read.
Checksum of_file(const std::string& path);

}  // namespace checksum
