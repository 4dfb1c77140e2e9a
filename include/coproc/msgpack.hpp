// MessagePack as a codec, for peers in other languages, such as Python. This header is not part of coproc.hpp, since it
// needs the headers of msgpack-c (Debian: libmsgpack-cxx-dev).
//
//   struct Order {
//     std::string item;
//     int count = 0;
//     MSGPACK_DEFINE_MAP(item, count)
//   };
//   messenger.send_request(coproc::Msgpack{Order{"bolt", 12}});                // Python: {'item': 'bolt', 'count': 12}
//   auto order = messenger.receive_blocking<coproc::Msgpack<Order>>().value;
#pragma once

#if !defined(MSGPACK_USE_BOOST) && !defined(MSGPACK_NO_BOOST)
#define MSGPACK_NO_BOOST
#endif
#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/codec.hpp"

namespace coproc::inline v0 {

/// A value that travels as MessagePack. T is any type that msgpack-c takes: numbers, strings, containers, and structs
/// with MSGPACK_DEFINE_MAP or MSGPACK_DEFINE. All Msgpacks are of one type on the link, and the receive throws
/// DecodeError if the bytes do not make a T.
template <class T>
struct Msgpack {
  T value;
};
template <class T>
Msgpack(T) -> Msgpack<T>;

/// An array of numbers with a shape, like a NumPy array. The elements are in C order; they travel as raw bytes, of less
/// than 4 GiB.
template <class T>
struct MsgpackArray {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && sizeof(T) <= 8,
                "coproc: a MsgpackArray holds numbers; for bools, which a std::vector packs, take std::uint8_t");
  std::vector<std::uint64_t> shape;
  std::vector<T> values;
};

namespace detail {

/// The type of the MessagePack extension that holds [dtype, shape, bytes].
inline constexpr std::int8_t kArrayExtension = 78;
/// The most memory that one byte on the wire takes while a MessagePack value is decoded.
inline constexpr std::size_t kMsgpackElementBytes = sizeof(::msgpack::object_kv);

/// The name of the type in NumPy, such as "<f8" or "|u1".
template <class T>
std::string array_dtype() {
  const char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
  return std::string(sizeof(T) == 1 ? "|" : "<") + kind + std::to_string(sizeof(T));
}

}  // namespace detail

template <class T>
struct Codec<Msgpack<T>> {
  static constexpr std::string_view name = "coproc.msgpack";

  static void encode(Encoder& encoder, const Msgpack<T>& value) {
    ::msgpack::sbuffer packed;
    ::msgpack::pack(packed, value.value);
    encoder.block(packed.data(), packed.size(), 1);
  }

  static Msgpack<T> decode(Decoder& decoder) {
    const Decoder::Block block = decoder.block(1);
    decoder.charge(block.count, detail::kMsgpackElementBytes);
    std::vector<char> packed(block.count);
    decoder.bytes(packed.data(), block);
    try {
      const ::msgpack::unpack_limit limit(block.count, block.count, block.count, block.count, block.count,
                                          detail::kMaxDepth);
      const auto keep_bytes = [](::msgpack::type::object_type, std::size_t, void*) { return true; };  // T copies them
      const auto handle = ::msgpack::unpack(packed.data(), packed.size(), keep_bytes, nullptr, limit);
      return {handle.get().template as<T>()};
    } catch (const std::exception& error) {
      decoder.fail(std::string("MessagePack that makes no such value: ") + error.what());
    }
  }
};

}  // namespace coproc::inline v0

template <class T>
struct msgpack::adaptor::pack<coproc::MsgpackArray<T>> {
  template <class Stream>
  ::msgpack::packer<Stream>& operator()(::msgpack::packer<Stream>& to, const coproc::MsgpackArray<T>& array) const {
    ::msgpack::sbuffer body;
    ::msgpack::packer<::msgpack::sbuffer> parts(body);
    parts.pack_array(3);
    parts.pack(coproc::detail::array_dtype<T>());
    parts.pack(array.shape);
    // Sizes in MessagePack have 32 bits: an array of 4 GiB or more throws msgpack::container_size_overflow.
    const std::uint32_t size = ::msgpack::checked_get_container_size(array.values.size() * sizeof(T));
    parts.pack_bin(size);
    parts.pack_bin_body(reinterpret_cast<const char*>(array.values.data()), size);
    const std::uint32_t body_size = ::msgpack::checked_get_container_size(body.size());
    to.pack_ext(body_size, coproc::detail::kArrayExtension);
    to.pack_ext_body(body.data(), body_size);
    return to;
  }
};

template <class T>
struct msgpack::adaptor::convert<coproc::MsgpackArray<T>> {
  const ::msgpack::object& operator()(const ::msgpack::object& from, coproc::MsgpackArray<T>& array) const {
    if (from.type != ::msgpack::type::EXT || from.via.ext.type() != coproc::detail::kArrayExtension)
      throw ::msgpack::type_error();
    const ::msgpack::unpack_limit limit(3 + 64, 0, 64, from.via.ext.size, 0, 3);
    const auto handle = ::msgpack::unpack(from.via.ext.data(), from.via.ext.size, nullptr, nullptr, limit);
    const auto [dtype, shape, bytes] =
        handle.get().template as<std::tuple<std::string, std::vector<std::uint64_t>, ::msgpack::type::raw_ref>>();
    const std::size_t size = bytes.size;
    std::size_t count = 1;
    for (const std::uint64_t length : shape) {
      if (length != 0 && count > size / length) throw ::msgpack::type_error();
      count *= length;
    }
    if (dtype != coproc::detail::array_dtype<T>() || count * sizeof(T) != size) throw ::msgpack::type_error();
    array.shape = shape;
    array.values.resize(count);
    if (size != 0) std::memcpy(array.values.data(), bytes.ptr, size);
    return from;
  }
};
