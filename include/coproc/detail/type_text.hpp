// Descriptions of types for people.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "coproc/detail/type_hash.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

/// "int32", "float64", "char", ...
COPROC_API std::string describe_scalar(char letter, std::size_t size);

template <class T>
std::string describe_type();

/// "T" or "name<A, B>".
template <class... Part>
std::string describe_parts(std::string_view name, Types<Part...>, std::string_view more = {}) {
  std::string text(name);
  std::string_view before = "<";
  ((text.append(before).append(describe_type<Part>()), before = ", "), ...);
  if (!more.empty()) text.append(before).append(more);
  if (sizeof...(Part) != 0 || !more.empty()) text += '>';
  return text;
}

template <class T>
std::string describe_type() {
  constexpr Kind kind = kKind<T>;
  if constexpr (kRefusal<T> != Refusal::none) {
    return std::string(own_name<T>());
  } else if constexpr (kind == Kind::scalar) {
    return describe_scalar(scalar_letter<T>(), sizeof(T));
  } else if constexpr (kind == Kind::custom || kind == Kind::aggregate || kind == Kind::enumeration) {
    const std::string_view name = identifying_name<T>();
    return std::string(name.empty() ? "unnamed" : name);
  } else if constexpr (kind == Kind::text) {
    using C = typename T::value_type;
    if constexpr (std::is_same_v<C, char>) return "string";
    return describe_parts("string", Types<C>());
  } else if constexpr (kind == Kind::array) {
    return describe_parts("array", parts_of<T>(), std::to_string(kExtent<T>));
  } else if constexpr (kind == Kind::duration) {
    return describe_parts("duration", parts_of<T>(),
                          std::to_string(T::period::num) + "/" + std::to_string(T::period::den));
  } else if constexpr (kind == Kind::time_point) {
    return describe_parts("time_point", parts_of<T>(), own_name<typename T::clock>());
  } else {
    return describe_parts(kind == Kind::path            ? "path"
                          : kind == Kind::sequence      ? "vector"
                          : kind == Kind::set           ? "set"
                          : kind == Kind::map           ? "map"
                          : kind == Kind::optional      ? "optional"
                          : kind == Kind::variant       ? "variant"
                          : kind == Kind::complex       ? "complex"
                          : kind == Kind::shared_buffer ? "shared_buffer"
                                                        : "tuple",
                          parts_of<T>());
  }
}

}  // namespace coproc::inline v0::detail
