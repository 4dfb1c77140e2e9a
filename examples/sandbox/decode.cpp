#include "decode.hpp"

#include <algorithm>
#include <stdexcept>

namespace images {

namespace {

constexpr std::array<std::uint8_t, 4> kPng{0x89, 'P', 'N', 'G'};
constexpr std::array<std::uint8_t, 3> kJpeg{0xff, 0xd8, 0xff};

bool begins_with(Bytes bytes, Bytes sign) {
  return bytes.size() >= sign.size() && std::equal(sign.begin(), sign.end(), bytes.begin());
}

}  // namespace

Picture decode(Bytes bytes) {
  if (begins_with(bytes, kPng)) return decode_png(bytes);
  if (begins_with(bytes, kJpeg)) return decode_jpeg(bytes);
  throw std::runtime_error("is neither a PNG nor a JPEG file");
}

}  // namespace images
