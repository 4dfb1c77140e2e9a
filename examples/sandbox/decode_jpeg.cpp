// jpeglib.h needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>

#include <stdexcept>
#include <string>
#include <vector>

#include "decode.hpp"

namespace images {

namespace {

/// libjpeg ends in a call that must not return. An exception must not cross its frames, so that this jumps.
struct Failure {
  jpeg_error_mgr handlers;  // first, since libjpeg knows only this part
  std::jmp_buf back;
  char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail(j_common_ptr decoder) {
  auto* const failure = reinterpret_cast<Failure*>(decoder->err);
  failure->handlers.format_message(decoder, failure->text);
  std::longjmp(failure->back, 1);
}

/// What is wrong with a file, such as its early end, is an error, and not a line on stderr with grey pixels.
void fail_for_warnings(j_common_ptr decoder, int level) {
  if (level < 0) fail(decoder);
}

/// The parts that outlive a jump. No function that a jump leaves has objects with destructors.
struct Decoder {
  jpeg_decompress_struct state{};
  Failure failure{};
  std::vector<std::uint8_t> row = {};
  Mean mean = {};
};

bool read_header(Decoder& decoder, Bytes bytes) {
  if (setjmp(decoder.failure.back) != 0) return false;
  jpeg_create_decompress(&decoder.state);
  jpeg_mem_src(&decoder.state, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&decoder.state, TRUE);
  decoder.state.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder.state);
  return true;
}

bool read_rows(Decoder& decoder) {
  if (setjmp(decoder.failure.back) != 0) return false;
  while (decoder.state.output_scanline < decoder.state.output_height) {
    JSAMPROW row = decoder.row.data();
    jpeg_read_scanlines(&decoder.state, &row, 1);
    decoder.mean.add(decoder.row);
  }
  jpeg_finish_decompress(&decoder.state);
  return true;
}

}  // namespace

Picture decode_jpeg(Bytes bytes) {
  Decoder decoder;
  decoder.state.err = jpeg_std_error(&decoder.failure.handlers);
  decoder.failure.handlers.error_exit = &fail;
  decoder.failure.handlers.emit_message = &fail_for_warnings;
  bool is_read = read_header(decoder, bytes);
  if (is_read) {
    decoder.row.resize(std::size_t{decoder.state.output_width} * 3);
    is_read = read_rows(decoder);
  }
  const Picture picture{"JPEG", decoder.state.output_width, decoder.state.output_height, decoder.mean.value()};
  jpeg_destroy_decompress(&decoder.state);
  if (!is_read) throw std::runtime_error("JPEG: " + std::string(decoder.failure.text));
  return picture;
}

}  // namespace images
