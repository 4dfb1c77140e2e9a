// Errors that travel: the types that can be sent, and the table of the error types that this program knows.
//
// A peer can only choose from this table, by a type id. The table holds the standard exceptions, and every E of a
// `send_error<E>`, `reply_error_to<E>` or `accept_errors<E>` anywhere in the program: from before main on, or as long
// as its shared library is loaded. A C++ program cannot find out which other types its functions throw.
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

/// A system error keeps its code, if that is of one of the two categories that every program has.
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

/// The types of errors that can travel: those that can be encoded, and those that derive from std::exception and can be
/// constructed from their `what()` or from nothing.
template <class E>
concept ErrorPayload =
    std::is_class_v<E> && std::copy_constructible<E> &&
    (Encodable<E> || (std::derived_from<E, std::exception> &&
                      (std::constructible_from<E, const std::string&> || std::default_initializable<E>)));

namespace detail {

/// A known error as the receiving end throws it: the error itself, together with its origin.
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

/// A row of the table. Rows are static objects that are linked to each other, so that the table needs no allocation.
struct ErrorType {
  std::uint64_t id;
  const std::type_info* type;
  std::string (*describe)();
  /// The text for a program that does not know the type: `what()`, or nothing for errors that have none.
  std::string (*text)(const void* error);
  void (*encode)(Encoder&, const void* error);
  std::exception_ptr (*decode)(Decoder&, const RemoteOrigin&);
  /// Encodes the exception that is being handled, whose type must be exactly this one.
  void (*encode_current)(Encoder&);
  ErrorType* next = nullptr;
};

COPROC_API void register_error(ErrorType& row) noexcept;

/// Keeps a row in the table as long as the program or shared library that contains the row and its functions is loaded.
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
    // This text is all that the error will say. It is made printable here, and it is not cut, since it may be all that
    // was sent.
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

/// A program that contains a call of this function has E in the table before main.
template <class E>
const ErrorType& known_error() noexcept {
  (void)&error_registration<E>;
  return error_row<E>;
}

}  // namespace detail

/// Declares types of errors that may arrive as themselves, from every worker, host and pool of this process. An
/// exception that leaves a target or a pool's task keeps its type if it is a standard exception or was declared like
/// this; otherwise it arrives as a RemoteError with the name of its type and its text. It is enough that this call
/// stands anywhere in the program, or in a shared library that is loaded; it need not be executed. If worker and host
/// are different programs, both have to declare the type.
///
///     coproc::accept_errors<NotAnImage, NotFound>();
template <ErrorPayload... E>
void accept_errors() noexcept {
  (static_cast<void>(detail::known_error<E>()), ...);
}

}  // namespace coproc::inline v0
