#include "checksum.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <vector>

namespace checksum {

namespace {

// POSIX: the polynomial of Ethernet, highest bit first.
constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte << 24;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc >> 31) * 0x04c11db7U);
    table[byte] = crc;
  }
  return table;
}();

constexpr std::uint32_t add(std::uint32_t crc, std::uint64_t byte) {
  return (crc << 8) ^ kTable[(crc >> 24) ^ (byte & 0xff)];
}

struct Close {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

}  // namespace

Checksum of_file(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) throw std::system_error(errno, std::generic_category(), path);
  Checksum sum;
  std::vector<unsigned char> piece(1 << 16);
  for (std::size_t got; (got = std::fread(piece.data(), 1, piece.size(), file.get())) != 0; sum.size += got) {
    for (std::size_t i = 0; i < got; ++i) sum.crc = add(sum.crc, piece[i]);
  }
  if (std::ferror(file.get()) != 0) throw std::system_error(errno, std::generic_category(), path);
  // Behind the bytes comes their number, lowest byte first, without leading zeros.
  for (std::uint64_t size = sum.size; size != 0; size >>= 8) sum.crc = add(sum.crc, size);
  sum.crc = ~sum.crc;
  return sum;
}

}  // namespace checksum
