// The identity of a type: what sender and receiver compare.
//
// A type's id is a hash of its structure and of its own name. It is the same with g++ and clang, in every shared
// library, and for types that are sent alike: vector, deque and list; set, multiset and unordered_set; long and long
// long.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "coproc/codec.hpp"
#include "coproc/detail/type_hash.hpp"
#include "coproc/detail/type_text.hpp"

namespace coproc::inline v0 {

struct TypeInfo {
  std::uint64_t id;
  /// The type as it is shown to people: "int32", "vector<Data>", "map<string, float64>".
  std::string (*describe)();
};

namespace detail {
template <class T>
inline constexpr TypeInfo kTypeInfo{kTypeHash<T>, &describe_type<T>};
}

/// Of what T arrives as, so that a literal's is std::string's. Its address may serve as a key within one program or
/// shared library; across them compare ids.
template <class T>
inline constexpr const TypeInfo& type_info = detail::kTypeInfo<wire_t<T>>;

}  // namespace coproc::inline v0
