#include "c_api/payload.hpp"

#include <exception>
#include <vector>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/errors.hpp"
#include "coproc/shared_buffer.hpp"

namespace coproc::inline v0::c_api {

namespace {

template <class... T>
struct Bytes {
  static bool holds(const Message& message) { return (message.holds<T>() || ...); }

  static std::string data_of(const Message& message) {
    std::string data;
    const auto take = [&](const auto& values) {
      if (values.size() != 0) data.assign(reinterpret_cast<const char*>(values.data()), values.size());
      return true;
    };
    (void)((message.holds<T>() && take(message.get<T>())) || ...);
    return data;
  }
};
using AllBytes = Bytes<std::vector<std::byte>, std::vector<std::uint8_t>, std::vector<char>, SharedBuffer<std::byte>,
                       SharedBuffer<std::uint8_t>, SharedBuffer<char>>;

/// The text of the error that a reply is.
std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an error without a text";
  }
}

std::string encoding_of(const Message& message) {
  if (!detail::MessageAccess::loans(message).empty()) {
    throw TypeMismatchError("a message on channel " + message.channel().describe() + " holds " +
                            detail::in_one_line(message.type_name()) +
                            " with lent memory, which has no meaning without its C++ type: send text, bytes or "
                            "MessagePack (coproc/msgpack.hpp)");
  }
  const auto payload = detail::MessageAccess::payload(message);
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

std::uint64_t big_endian(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

/// Appends `tag` and the size, in as many bytes.
void append_head(std::string& to, std::uint8_t tag, std::size_t size, int bytes) {
  to += static_cast<char>(tag);
  for (int i = bytes - 1; i >= 0; --i) to += static_cast<char>(size >> (8 * i) & 0xff);
}

}  // namespace

coproc_kind kind_of(const Message& message) noexcept {
  if (message.error() != nullptr) return COPROC_ERROR;
  if (message.holds<std::string>()) return COPROC_TEXT;
  if (message.holds<Packed>()) return COPROC_MSGPACK;
  return AllBytes::holds(message) ? COPROC_BYTES : COPROC_OTHER;
}

std::string data_of(const Message& message, coproc_kind kind) {
  switch (kind) {
    case COPROC_TEXT:
      return message.get<std::string>();
    case COPROC_BYTES:
      return AllBytes::data_of(message);
    case COPROC_MSGPACK:
      return message.get<Packed>().in;
    case COPROC_ERROR:
      return text_of(message.error());
    default:
      return encoding_of(message);
  }
}

std::optional<std::string_view> text_in(std::string_view packed) noexcept {
  if (packed.empty()) return std::nullopt;
  const auto tag = static_cast<std::uint8_t>(packed[0]);
  std::size_t head = 1;
  std::uint64_t size = 0;
  if (tag >= 0xa0 && tag <= 0xbf) {
    size = tag & 0x1fU;
  } else {
    if (tag == 0xc4 || tag == 0xd9) head += 1;
    if (tag == 0xc5 || tag == 0xda) head += 2;
    if (tag == 0xc6 || tag == 0xdb) head += 4;
    if (head == 1 || packed.size() < head) return std::nullopt;
    size = big_endian(packed.substr(1, head - 1));
  }
  if (packed.size() - head != size) return std::nullopt;
  return packed.substr(head);
}

void append_str(std::string& to, std::string_view text) {
  if (text.size() < 32) {
    to += static_cast<char>(0xa0 | text.size());
  } else if (text.size() < 0x100) {
    append_head(to, 0xd9, text.size(), 1);
  } else if (text.size() < 0x10000) {
    append_head(to, 0xda, text.size(), 2);
  } else {
    append_head(to, 0xdb, text.size(), 4);
  }
  to += text;
}

void append_bin(std::string& to, std::string_view bytes) {
  if (bytes.size() < 0x100) {
    append_head(to, 0xc4, bytes.size(), 1);
  } else if (bytes.size() < 0x10000) {
    append_head(to, 0xc5, bytes.size(), 2);
  } else {
    append_head(to, 0xc6, bytes.size(), 4);
  }
  to += bytes;
}

}  // namespace coproc::inline v0::c_api

coproc::c_api::Packed coproc::Codec<coproc::c_api::Packed>::decode(Decoder& decoder) {
  const Decoder::Block block = decoder.block(1);
  c_api::Packed value;
  value.in.resize(block.count);
  decoder.bytes(value.in.data(), block);
  return value;
}
