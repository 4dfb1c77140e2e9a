#include <png.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "decode.hpp"

namespace images {

namespace {

/// Frees what libpng has for an image.
struct Image {
  Image() { header.version = PNG_IMAGE_VERSION; }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  ~Image() { png_image_free(&header); }
  [[noreturn]] void fail() const { throw std::runtime_error("PNG: " + std::string(header.message)); }

  png_image header{};
};

}  // namespace

Picture decode_png(Bytes bytes) {
  Image image;
  if (png_image_begin_read_from_memory(&image.header, bytes.data(), bytes.size()) == 0) image.fail();
  image.header.format = PNG_FORMAT_RGB;
  // A few bytes of a file may say that it is a huge image. Limits::memory decides how much is too much.
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image.header));
  if (png_image_finish_read(&image.header, nullptr, pixels.data(), 0, nullptr) == 0) image.fail();
  if ((image.header.warning_or_error & PNG_IMAGE_ERROR) != 0) image.fail();
  Mean mean;
  mean.add(pixels);
  return {"PNG", image.header.width, image.header.height, mean.value()};
}

}  // namespace images
