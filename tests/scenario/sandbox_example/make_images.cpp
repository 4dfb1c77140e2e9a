// Makes the images of images_test.sh in a directory: red.png, photo.jpg, and bomb.png, a file of a few kilobytes that
// is 192 MB of pixels.
// jpeglib.h needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <png.h>
#include <csetjmp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Row = std::vector<std::uint8_t>;

[[noreturn]] void fail(const std::string& path) {
  std::fprintf(stderr, "make_images: %s cannot be written\n", path.c_str());
  std::exit(1);
}

std::FILE* open_file(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) fail(path);
  return file;
}

/// An image all of whose rows are this one.
void write_png(const std::string& path, const Row& row, unsigned height) {
  std::FILE* const file = open_file(path);
  png_structp writer = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(writer);
  if (setjmp(png_jmpbuf(writer)) != 0) fail(path);
  png_init_io(writer, file);
  png_set_IHDR(writer, info, static_cast<png_uint_32>(row.size() / 3), height, 8, PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer, info);
  for (unsigned i = 0; i < height; ++i) png_write_row(writer, row.data());
  png_write_end(writer, nullptr);
  png_destroy_write_struct(&writer, &info);
  if (std::fclose(file) != 0) fail(path);
}

void write_jpeg(const std::string& path, const Row& row, unsigned height) {
  std::FILE* const file = open_file(path);
  jpeg_compress_struct writer{};
  jpeg_error_mgr errors{};
  writer.err = jpeg_std_error(&errors);  // which ends the program for an error
  jpeg_create_compress(&writer);
  jpeg_stdio_dest(&writer, file);
  writer.image_width = static_cast<JDIMENSION>(row.size() / 3);
  writer.image_height = height;
  writer.input_components = 3;
  writer.in_color_space = JCS_RGB;
  jpeg_set_defaults(&writer);
  jpeg_start_compress(&writer, TRUE);
  Row pixels = row;
  JSAMPROW pointer = pixels.data();
  while (writer.next_scanline < writer.image_height) jpeg_write_scanlines(&writer, &pointer, 1);
  jpeg_finish_compress(&writer);
  jpeg_destroy_compress(&writer);
  if (std::fclose(file) != 0) fail(path);
}

Row row_of(std::size_t pixels, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Row row;
  for (std::size_t i = 0; i < pixels; ++i) row.insert(row.end(), {red, green, blue});
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string directory = std::string(argv[1]) + "/";
  write_png(directory + "red.png", row_of(64, 200, 16, 8), 48);
  Row photo;
  for (unsigned i = 0; i < 640; ++i) photo.insert(photo.end(), {static_cast<std::uint8_t>(i * 255 / 639), 128, 64});
  write_jpeg(directory + "photo.jpg", photo, 480);
  write_png(directory + "bomb.png", row_of(8000, 0, 0, 0), 8000);
  return 0;
}
