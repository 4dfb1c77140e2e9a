// Cuts what a program prints into lines, or into records of a length and as many bytes.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace command {

class Records {
 public:
  Records(bool is_msgpack, std::size_t max_bytes) noexcept : is_msgpack_(is_msgpack), max_bytes_(max_bytes) {}

  /// Where further output is appended; more than this many bytes are never of use.
  std::string& buffer() noexcept { return buffer_; }
  /// The next complete line, without its end, or record. It stays valid until drop() or an append. Throws
  /// std::runtime_error, whose text follows the program's name, if it is too large or no record.
  std::optional<std::string_view> next();
  /// The same at the end of the output: a last line needs no end; a record that is cut off is an error.
  std::optional<std::string_view> last();
  /// Drops what next() or last() has returned.
  void drop() noexcept;

 private:
  std::optional<std::string_view> next_line();
  std::optional<std::string_view> next_record();
  std::optional<std::string_view> found(std::size_t begin, std::size_t size, std::size_t end) noexcept;
  [[noreturn]] void throw_too_large() const;

  bool is_msgpack_;
  std::size_t max_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;     // what is before it was dropped
  std::size_t searched_ = 0;  // there is no line's end before it
  std::size_t end_ = 0;       // of what was returned last
};

/// What a program is given for these bytes: 4 bytes with the length, big-endian, and the bytes.
void append_record(std::string& to, std::string_view bytes);

}  // namespace command
