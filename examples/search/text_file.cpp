#include "text_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

namespace search {

namespace {

TextFile unreadable(int error_number) {
  return {TextFile::Kind::unreadable, {}, std::generic_category().message(error_number)};
}

}  // namespace

TextFile read_text_file(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return unreadable(errno);

  TextFile result{TextFile::Kind::text, {}, {}};
  std::array<char, 64 * 1024> piece;
  while (true) {
    const std::size_t n = std::fread(piece.data(), 1, piece.size(), file.get());
    if (std::memchr(piece.data(), '\0', n) != nullptr) return {TextFile::Kind::binary, {}, {}};
    result.text.append(piece.data(), n);
    if (n < piece.size()) break;
  }
  if (std::ferror(file.get()) != 0) return unreadable(errno);
  return result;
}

}  // namespace search
