// The identity of a type, which sender and receiver compare.
//
// The id of a type is a hash of its structure and of its own name. It is the same with g++ and clang and in every
// shared library. Types that are encoded alike have the same id: vector, deque and list; set, multiset and
// unordered_set; long and long long.
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
  /// A description for people, such as "int32", "vector<Data>" or "map<string, float64>".
  std::string (*describe)();
};

namespace detail {
template <class T>
inline constexpr TypeInfo kTypeInfo{kTypeHash<T>, &describe_type<T>};
}

/// The identity of the type that T arrives as; for a text literal that is std::string. Within one program or shared
/// library its address may serve as a key; across them compare ids.
template <class T>
inline constexpr const TypeInfo& type_info = detail::kTypeInfo<wire_t<T>>;

}  // namespace coproc::inline v0
