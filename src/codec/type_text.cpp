#include "coproc/detail/type_text.hpp"

namespace coproc::inline v0::detail {

std::string describe_scalar(char letter, std::size_t size) {
  const std::string bits = std::to_string(size * 8);
  switch (letter) {
    case 'b':
      return "bool";
    case 'c':
      return "char";
    case 'w':
      return "wchar";
    case 'x':
      return "char8";
    case 'y':
      return "char16";
    case 'z':
      return "char32";
    case 'f':
      return size > 8 ? "long double" : "float" + bits;
    case 'i':
      return "int" + bits;
    default:
      return "uint" + bits;
  }
}

}  // namespace coproc::inline v0::detail
