// Errors that travel: what may be sent, and the table of the error types that this program knows.
//
// A peer can only choose from this table, by a type id. Every E of a `send_error<E>`, `reply_error_to<E>` or
// `accept_errors<E>` anywhere in the program is in it before main (or while its shared library is loaded), and so are the
// standard exceptions. No program can find out which other types its functions throw.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "coproc/export.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0 {

/// A system error is more than its text: the code, for the categories that every program has.
template <>
struct Codec<std::system_error> {
  static constexpr std::string_view name = "std::system_error";
  static void encode(Encoder& encoder, const std::system_error& error) {
    const auto& category = error.code().category();
    coproc::encode(encoder, error.code().value());
    coproc::encode(encoder, category == std::system_category());
    coproc::encode(encoder, category == std::system_category() || category == std::generic_category());
    coproc::encode(encoder, std::string(error.what()));
  }
  static std::system_error decode(Decoder& decoder) {
    const int value = coproc::decode<int>(decoder);
    const bool is_system = coproc::decode<bool>(decoder);
    const bool is_known = coproc::decode<bool>(decoder);
    auto text = detail::in_lines(coproc::decode<std::string>(decoder), "    ", detail::kWhole);
    const std::error_code code(is_known ? value : 0, is_system ? std::system_category() : std::generic_category());
    if (text == code.message()) return std::system_error(code);
    // The constructor appends the code's own message, which the text already ends with.
    const std::string suffix = ": " + code.message();
    if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
    return {code, text};
  }
};

/// What an error needs to travel: a codec (or fields), or to be a std::exception that can be made from its `what()` or from
/// nothing.
template <class E>
concept ErrorPayload =
    std::is_class_v<E> && std::copy_constructible<E> &&
    (Encodable<E> || (std::derived_from<E, std::exception> &&
                      (std::constructible_from<E, const std::string&> || std::default_initializable<E>)));

namespace detail {

/// A known error as it is thrown at the receiving end: the error itself, and where it came from.
template <class E>
class Remote final : public E, public RemoteOrigin {
 public:
  Remote(E&& error, const RemoteOrigin& origin) : E(std::move(error)), RemoteOrigin(origin) {}
};

template <class E>
std::exception_ptr make_remote(E&& error, const RemoteOrigin& origin) {
  if constexpr (std::is_final_v<E> || std::derived_from<E, RemoteOrigin>) {
    return std::make_exception_ptr(std::forward<E>(error));
  } else {
    return std::make_exception_ptr(Remote<E>(std::forward<E>(error), origin));
  }
}

/// One row of the table. Rows are static objects linked to each other, so that the table needs no allocation.
struct ErrorType {
  std::uint64_t id;
  const std::type_info* type;
  std::string (*describe)();
  /// `what()`, or nothing for errors without one: what a program that does not know the type is told.
  std::string (*text)(const void* error);
  void (*encode)(Encoder&, const void* error);
  std::exception_ptr (*decode)(Decoder&, const RemoteOrigin&);
  /// Encodes the exception that is being handled, which must be of this very type.
  void (*encode_current)(Encoder&);
  ErrorType* next = nullptr;
};

COPROC_API void register_error(ErrorType& row) noexcept;

/// Keeps a row in the table for as long as the program or shared library is loaded in which the row and its functions are.
class COPROC_API ErrorRegistration {
 public:
  explicit ErrorRegistration(ErrorType& row) noexcept : row_(row) { register_error(row_); }
  ErrorRegistration(const ErrorRegistration&) = delete;
  ErrorRegistration& operator=(const ErrorRegistration&) = delete;
  ~ErrorRegistration();

 private:
  ErrorType& row_;
};

template <class E>
void encode_error(Encoder& encoder, const void* error) {
  const E& e = *static_cast<const E*>(error);
  if constexpr (Encodable<E>) {
    coproc::encode(encoder, e);
  } else {
    coproc::encode(encoder, std::string(e.what()));
  }
}

template <class E>
std::exception_ptr decode_error(Decoder& decoder, const RemoteOrigin& origin) {
  if constexpr (Encodable<E>) {
    E error = coproc::decode<E>(decoder);
    return make_remote<E>(std::move(error), origin);
  } else {
    // All that the error will say is this: it is made fit to be printed here, and not cut, for it may be all that was sent.
    const auto text = in_lines(coproc::decode<std::string>(decoder), "    ", kWhole);
    if constexpr (std::constructible_from<E, const std::string&>) {
      return make_remote<E>(E(text), origin);
    } else {
      return make_remote<E>(E(), origin);
    }
  }
}

template <class E>
void encode_current_error(Encoder& encoder) {
  try {
    throw;
  } catch (const E& error) {
    encode_error<E>(encoder, &error);
  }
}

template <class E>
constexpr std::uint64_t error_type_id() noexcept {
  if constexpr (Encodable<E>) {
    return type_info<E>.id;
  } else {
    return hash_text(pretty_name<E>(), hash_text("what of "));
  }
}

template <class E>
std::string describe_error_type() {
  return std::string(pretty_name<E>());
}

template <class E>
std::string error_text(const void* error) {
  if constexpr (std::derived_from<E, std::exception>) {
    return static_cast<const E*>(error)->what();
  } else {
    return {};
  }
}

template <class E>
inline ErrorType error_row{error_type_id<E>(), &typeid(E),       &describe_error_type<E>, &error_text<E>,
                           &encode_error<E>,   &decode_error<E>, &encode_current_error<E>};
template <class E>
inline const ErrorRegistration error_registration(error_row<E>);

/// Naming this in a function puts E into the table before main.
template <class E>
const ErrorType& known_error() noexcept {
  (void)&error_registration<E>;
  return error_row<E>;
}

}  // namespace detail

/// Lets errors of these types in as themselves, from whichever worker, host or pool of this process they come: an exception that
/// leaves a target or a pool's task has its own type only if it is a standard exception or named so, and else arrives as a
/// RemoteError with its type's name and text. That this stands anywhere in the program (or in a shared library that is loaded) is
/// enough, also where it is never called. Both programs have to know the type, where worker and host are not the same one.
///
///     coproc::accept_errors<NotAnImage, NotFound>();
template <ErrorPayload... E>
void accept_errors() noexcept {
  (static_cast<void>(detail::known_error<E>()), ...);
}

}  // namespace coproc::inline v0
