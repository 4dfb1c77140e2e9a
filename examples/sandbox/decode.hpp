// Decodes images, by the libraries that everybody uses for it. Their bytes come from anywhere.
//
// Thread safety: free functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace images {

/// What is told of an image.
struct Picture {
  std::string format;  // "PNG" or "JPEG"
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::array<std::uint8_t, 3> mean{};  // of all its pixels: red, green, blue
};

using Bytes = std::span<const std::uint8_t>;

/// Throws std::runtime_error for bytes that are no such image, and std::bad_alloc for one that is too large.
Picture decode(Bytes bytes);
Picture decode_png(Bytes bytes);
Picture decode_jpeg(Bytes bytes);

/// Adds up pixels.
class Mean {
 public:
  /// `row` has three bytes for each pixel.
  void add(Bytes row) noexcept {
    for (std::size_t i = 0; i + 2 < row.size(); i += 3) {
      for (std::size_t colour = 0; colour < 3; ++colour) sums_[colour] += row[i + colour];
    }
    count_ += row.size() / 3;
  }
  std::array<std::uint8_t, 3> value() const noexcept {
    std::array<std::uint8_t, 3> mean{};
    for (std::size_t colour = 0; colour < 3 && count_ != 0; ++colour) {
      mean[colour] = static_cast<std::uint8_t>(sums_[colour] / count_);
    }
    return mean;
  }

 private:
  std::array<std::uint64_t, 3> sums_{};
  std::uint64_t count_ = 0;
};

}  // namespace images
