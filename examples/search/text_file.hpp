// Reads a file that is to be searched.
#pragma once

#include <string>

namespace search {

struct TextFile {
  enum class Kind { text, binary, unreadable };
  Kind kind = Kind::unreadable;
  std::string text;   // of a text file
  std::string error;  // of an unreadable one: the system's reason
};

/// Binary is what contains a NUL byte, as for grep -I in the C locale. Such a file is skipped as a whole. grep reads in
/// pieces, and has printed the matches of those before the first NUL byte (Debian's: where it comes after 96 KiB).
TextFile read_text_file(const std::string& path);

}  // namespace search
