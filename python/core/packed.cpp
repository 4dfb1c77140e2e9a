#include "packed.hpp"

#include <coproc/errors.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "errors.hpp"

namespace coproc_python {

namespace {

/// Walks over the bytes of MessagePack and adds up the lengths of its arrays and maps. An element takes at least one
/// byte, so the sum must not be larger than the number of bytes. The unpacker would allocate memory for each stated
/// length.
class Walk {
 public:
  explicit Walk(std::string_view bytes) noexcept : bytes_(bytes), size_(bytes.size()) {}

  void run() {
    for (std::uint64_t open = 1; open != 0; --open) open += take_one();
  }

 private:
  /// Reads one value, and returns how many values follow as its contents.
  std::uint64_t take_one() {
    const auto tag = static_cast<std::uint8_t>(skip(1)[0]);
    if (tag <= 0x7f || tag >= 0xe0) return 0;
    if (tag <= 0x8f) return announced(2 * std::uint64_t{tag & 0x0fu});
    if (tag <= 0x9f) return announced(tag & 0x0fu);
    if (tag <= 0xbf) return passed(tag & 0x1fu);
    switch (tag) {
      case 0xc4:
      case 0xd9:
        return passed(number(1));
      case 0xc5:
      case 0xda:
        return passed(number(2));
      case 0xc6:
      case 0xdb:
        return passed(number(4));
      case 0xc7:
        return extension(number(1));
      case 0xc8:
        return extension(number(2));
      case 0xc9:
        return extension(number(4));
      case 0xcc:
      case 0xd0:
        return passed(1);
      case 0xcd:
      case 0xd1:
        return passed(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return passed(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return passed(8);
      case 0xd4:
        return extension(1);
      case 0xd5:
        return extension(2);
      case 0xd6:
        return extension(4);
      case 0xd7:
        return extension(8);
      case 0xd8:
        return extension(16);
      case 0xdc:
        return announced(number(2));
      case 0xdd:
        return announced(number(4));
      case 0xde:
        return announced(2 * number(2));
      case 0xdf:
        return announced(2 * number(4));
      default:
        return 0;  // nil, false, true, and a tag that the unpacker refuses
    }
  }

  std::string_view skip(std::uint64_t count) {
    if (count > bytes_.size()) throw coproc::DecodeError("a message is not MessagePack: it ends too early");
    const std::string_view skipped = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return skipped;
  }
  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    for (const char each : skip(static_cast<std::uint64_t>(bytes)))
      value = value << 8 | static_cast<std::uint8_t>(each);
    return value;
  }
  std::uint64_t passed(std::uint64_t count) {
    skip(count);
    return 0;
  }
  /// An extension that holds an array is unpacked by itself, so it is walked over by itself, too.
  std::uint64_t extension(std::uint64_t count) {
    constexpr char kArray = 78;
    const bool is_array = skip(1)[0] == kArray;
    const std::string_view inside = skip(count);
    if (is_array) Walk(inside).run();
    return 0;
  }
  std::uint64_t announced(std::uint64_t count) {
    announced_ += count;
    if (announced_ > size_) {
      throw coproc::DecodeError("a message is not MessagePack: its lists and maps say that they hold " +
                                std::to_string(announced_) + " values, in " + std::to_string(size_) + " bytes");
    }
    return count;
  }

  std::string_view bytes_;
  const std::uint64_t size_;
  std::uint64_t announced_ = 0;
};

}  // namespace

py::object unpacked(const std::byte* data, std::size_t size) {
  // A copy, since lent memory may change while it is checked.
  const py::bytes bytes(reinterpret_cast<const char*>(data), size);
  Walk({PyBytes_AS_STRING(bytes.ptr()), size}).run();
  try {
    return py::module_::import("coproc.interop").attr("unpack")(bytes);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    throw coproc::DecodeError(py::str(error.value()).cast<std::string>());
  }
}

}  // namespace coproc_python
