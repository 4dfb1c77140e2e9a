// The name of a channel: an independent stream of messages inside a link.
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

namespace detail {
struct ChannelAccess;
}

/// The integer types that may name a channel: all but bool and the character types.
template <class Integer>
concept IntegerName = std::integral<Integer> && !std::same_as<Integer, bool> && !std::same_as<Integer, char> &&
                      !std::same_as<Integer, wchar_t> && !std::same_as<Integer, char8_t> &&
                      !std::same_as<Integer, char16_t> && !std::same_as<Integer, char32_t>;
template <class E>
concept Enum = std::is_enum_v<E>;

/// The name of a channel. Integers, enumerators and text convert to it implicitly; any other value that can be encoded
/// is converted by `ChannelId::of`. Two integers of the same value are the same name, whatever their types; an
/// enumerator is identified by its type and value. A default-constructed ChannelId is the default channel. Names from
/// integers and enumerators allocate nothing.
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

  /// The channel that is named by a value of any type that can be encoded.
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

  /// The name as error texts show it: "default", "3", "Channel(1)", "\"warnings\"".
  COPROC_API std::string describe() const;

  friend bool operator==(const ChannelId& a, const ChannelId& b) noexcept {
    return a.kind_ == b.kind_ && a.number_ == b.number_ && a.type_ == b.type_ && (!a.has_text() || a.text_ == b.text_);
  }
  /// An arbitrary total order, which is the same in every process.
  friend std::strong_ordering operator<=>(const ChannelId& a, const ChannelId& b) noexcept {
    if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
    if (a.number_ != b.number_) return a.number_ <=> b.number_;
    if (a.type_ != b.type_) return a.type_ <=> b.type_;
    return a.has_text() ? a.text_ <=> b.text_ : std::strong_ordering::equal;
  }
  constexpr bool is_default() const noexcept { return kind_ == Kind::none; }
  std::size_t hash() const noexcept {
    std::uint64_t hash = (number_ + 1) * 0x9e3779b97f4a7c15 ^ type_ ^ static_cast<std::uint64_t>(kind_);
    if (has_text()) hash ^= std::hash<std::string>()(text_);
    return hash ^ (hash >> 32);
  }

  /// A name (a text, or an encoded value) that is longer than this is refused when it is first used.
  static constexpr std::size_t kMaxBytes = 4096;

 private:
  friend struct detail::ChannelAccess;
  enum class Kind : std::uint8_t { none, integer, negative, enumerator, text, value };
  constexpr bool has_text() const noexcept { return kind_ == Kind::text || kind_ == Kind::value; }

  Kind kind_ = Kind::none;
  std::uint64_t number_ = 0;
  std::uint64_t type_ = 0;           // TypeInfo::id, for enumerators and values
  std::string_view type_name_ = {};  // static text, only for describe(); not part of the identity
  std::string text_ = {};            // the text or encoded value; for a decoded enumerator, the name of its type
};

/// The default channel, for calls that name none: it spares them to make a name.
COPROC_API extern const ChannelId kDefaultChannel;

}  // namespace coproc::inline v0

template <>
struct std::hash<coproc::ChannelId> {
  std::size_t operator()(const coproc::ChannelId& id) const noexcept { return id.hash(); }
};
