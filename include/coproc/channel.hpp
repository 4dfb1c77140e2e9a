// The name of a channel: an independent lane inside a link.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/detail/buffer.hpp"
#include "coproc/detail/type_name.hpp"
#include "coproc/export.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0 {

/// Integers that may name a channel: not bool, not the character types.
template <class Integer>
concept IntegerName = std::integral<Integer> && !std::same_as<Integer, bool> && !std::same_as<Integer, char> &&
                      !std::same_as<Integer, wchar_t> && !std::same_as<Integer, char8_t> &&
                      !std::same_as<Integer, char16_t> && !std::same_as<Integer, char32_t>;
template <class E>
concept Enum = std::is_enum_v<E>;

/// The name of a channel (seed: channel_id). Made implicitly from integers (by value, whatever their type), enums (by type
/// and value) and text; from any other encodable value on purpose, by `ChannelId::of`. The default one is the seed's
/// `None`. Integers and enums allocate nothing.
///
/// Thread safety: a value.
class ChannelId {
 public:
  constexpr ChannelId() noexcept = default;

  template <IntegerName Integer>
  constexpr ChannelId(Integer number) noexcept  // NOLINT: implicit on purpose
      : kind_(std::cmp_less(number, 0) ? Kind::negative : Kind::integer), number_(static_cast<std::uint64_t>(number)) {}

  template <Enum E>
  constexpr ChannelId(E value) noexcept  // NOLINT: implicit on purpose
      : kind_(Kind::enumerator),
        number_(static_cast<std::uint64_t>(static_cast<std::underlying_type_t<E>>(value))),
        type_(type_info<E>.id),
        type_name_(detail::own_name<E>()) {}

  template <class S>
    requires std::convertible_to<const S&, std::string_view>
  ChannelId(const S& text) : kind_(Kind::text), text_(std::string_view(text)) {}  // NOLINT: implicit on purpose

  ChannelId(bool) = delete;
  ChannelId(char) = delete;
  ChannelId(std::nullptr_t) = delete;

  /// A channel named by any encodable value.
  template <class T>
  static ChannelId of(const T& value) {
    detail::Buffer bytes;
    Encoder encoder(bytes, kMaxBytes);
    coproc::encode(encoder, value);
    ChannelId id;
    id.kind_ = Kind::value;
    id.type_ = type_info<T>.id;
    id.type_name_ = detail::own_name<wire_t<T>>();
    id.text_.assign(reinterpret_cast<const char*>(encoder.written().data()), encoder.written().size());
    return id;
  }

  /// For messages: "default", "3", "Channel(1)", "\"warnings\"".
  COPROC_API std::string describe() const;

  friend bool operator==(const ChannelId& a, const ChannelId& b) noexcept {
    return a.kind_ == b.kind_ && a.number_ == b.number_ && a.type_ == b.type_ && (!a.has_text() || a.text_ == b.text_);
  }
  /// Some order, the same in every process.
  friend std::strong_ordering operator<=>(const ChannelId& a, const ChannelId& b) noexcept {
    if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
    if (a.number_ != b.number_) return a.number_ <=> b.number_;
    if (a.type_ != b.type_) return a.type_ <=> b.type_;
    return a.has_text() ? a.text_ <=> b.text_ : std::strong_ordering::equal;
  }
  constexpr bool is_default() const noexcept { return kind_ == Kind::none; }
  /// Without the text: names that are text share a few values.
  constexpr std::size_t hash_of_number() const noexcept {
    return number_ ^ (type_ >> 32) ^ static_cast<std::uint64_t>(kind_);
  }
  std::size_t hash() const noexcept {
    std::uint64_t hash = (number_ + 1) * 0x9e3779b97f4a7c15 ^ type_ ^ static_cast<std::uint64_t>(kind_);
    if (has_text()) hash ^= std::hash<std::string>()(text_);
    return hash ^ (hash >> 32);
  }

  /// Names longer than this (text, or an encoded value) are refused when they are first used.
  static constexpr std::size_t kMaxBytes = 4096;
  std::size_t text_bytes() const noexcept { return text_.size(); }

  /// How a channel is made known to the peer.
  COPROC_API void encode(Encoder& encoder) const;
  COPROC_API static ChannelId decode(Decoder& decoder);

 private:
  enum class Kind : std::uint8_t { none, integer, negative, enumerator, text, value };
  constexpr bool has_text() const noexcept { return kind_ == Kind::text || kind_ == Kind::value; }

  Kind kind_ = Kind::none;
  std::uint64_t number_ = 0;
  std::uint64_t type_ = 0;           // of enumerators and values: TypeInfo::id
  std::string_view type_name_ = {};  // static text, only for describe(); not part of the identity
  std::string text_ = {};            // of text and values; of a decoded enumerator its type's name
};

}  // namespace coproc::inline v0

template <>
struct std::hash<coproc::ChannelId> {
  std::size_t operator()(const coproc::ChannelId& id) const noexcept { return id.hash(); }
};
