// Traits of starts in a new process: targets that can be found there again, and arguments that can be sent.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "coproc/codec.hpp"
#include "coproc/detail/target.hpp"
#include "coproc/messenger.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0::detail {

template <class A>
inline constexpr bool kIsMessenger = std::derived_from<A, Messenger>;

/// The type as which a start argument arrives.
template <class A, bool = kIsMessenger<A>>
struct Received {
  using type = wire_t<A>;
};
template <class A>
struct Received<A, true> {
  using type = A;
};
template <class A>
using received_t = typename Received<A>::type;

template <class A>
concept TravellingArgument = kIsMessenger<A> || Encodable<A>;

/// A function is found by its name in the worker, a target without captures is made anew, and any other target is sent.
template <class Target>
inline constexpr bool kIsFunction = std::is_pointer_v<Target> && std::is_function_v<std::remove_pointer_t<Target>>;
template <class Target>
inline constexpr bool kIsStateless = std::is_empty_v<Target> && std::default_initializable<Target>;

template <class Target, class M>
constexpr bool can_target_travel() {
  if constexpr (ClassTarget<Target, M> || kIsFunction<Target> || kIsStateless<Target>) {
    return true;
  } else {
    return std::is_class_v<Target> && Encodable<Target>;
  }
}

/// Whether the target takes the types as which the arguments arrive.
template <class Target, class M, class... A>
constexpr bool takes_received() {
  if constexpr (ClassTarget<Target, M>) {
    return std::constructible_from<Target, M&, received_t<A>...>;
  } else {
    return std::invocable<Target&, M&, received_t<A>...>;
  }
}

/// The reason why a target cannot be started with these (decayed) arguments in a new process. Empty if it can.
template <class Target, class M, class... A>
constexpr std::string_view why_it_cannot_travel() {
  if constexpr (!can_target_travel<Target, M>()) {
    return "its target has captures, or a state that cannot be sent";
  } else if constexpr (!(TravellingArgument<A> && ...)) {
    return "one of its start arguments cannot be sent (pointers, views inside of values, and types without a codec)";
  } else if constexpr (!takes_received<Target, M, A...>()) {
    return "its target does not take what a start argument arrives as (text arrives as std::string, a view as "
           "std::vector)";
  } else {
    return {};
  }
}

/// The messengers among start arguments.
template <class... A>
auto messengers_among(std::tuple<A...>& arguments) {
  constexpr std::size_t kCount = (std::size_t{0} + ... + (kIsMessenger<A> ? 1 : 0));
  std::array<Messenger*, kCount> found{};
  [[maybe_unused]] std::size_t at = 0;
  [[maybe_unused]] const auto note = [&](auto& each) {
    if constexpr (kIsMessenger<std::remove_reference_t<decltype(each)>>) found[at++] = &each;
  };
  std::apply([&](auto&... each) { (note(each), ...); }, arguments);
  return found;
}

template <class... A>
void encode_arguments(Encoder& encoder, const std::tuple<A...>& arguments) {
  [[maybe_unused]] const auto put = [&](const auto& each) {
    if constexpr (!kIsMessenger<std::remove_cvref_t<decltype(each)>>) coproc::encode(encoder, each);
  };
  std::apply([&](const auto&... each) { (put(each), ...); }, arguments);
}

/// The identity of the type of an argument; null for messengers.
template <class A>
constexpr const TypeInfo* argument_type() {
  if constexpr (kIsMessenger<A>) {
    return nullptr;
  } else {
    return &type_info<A>;
  }
}

}  // namespace coproc::inline v0::detail
