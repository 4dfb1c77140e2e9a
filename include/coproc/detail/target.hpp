// The traits of targets: whether a type is a target, its messenger, and the arguments with which it can be started.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include "coproc/messenger.hpp"

namespace coproc::inline v0::detail {

template <class... P>
struct Parameters {};

/// The parameters of a function, or of a callable object with one signature; void if they cannot be known.
template <class F>
struct SignatureOf {
  using type = void;
};
template <class F>
  requires requires { &F::operator(); }
struct SignatureOf<F> : SignatureOf<decltype(&F::operator())> {};
template <class R, class... P>
struct SignatureOf<R (*)(P...)> {
  using type = Parameters<P...>;
};
template <class R, class... P>
struct SignatureOf<R (*)(P...) noexcept> {
  using type = Parameters<P...>;
};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...)> {
  using type = Parameters<P...>;
};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const> {
  using type = Parameters<P...>;
};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) noexcept> {
  using type = Parameters<P...>;
};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const noexcept> {
  using type = Parameters<P...>;
};

template <class Signature>
struct FirstMessenger {
  using type = PriorityMessenger;
};
template <class First, class... Rest>
  requires std::derived_from<std::remove_cvref_t<First>, Messenger>
struct FirstMessenger<Parameters<First, Rest...>> {
  using type = std::remove_cvref_t<First>;
};

/// Stands for any start argument in a constructor call.
struct AnyArgument {
  template <class To>
  operator To() const;
};

/// Whether a class can be constructed with a messenger of this kind, followed by some arguments.
template <class Target, class M, class... More>
constexpr bool can_be_given() {
  if constexpr (std::constructible_from<Target, M&, More...>) {
    return true;
  } else if constexpr (sizeof...(More) < 8) {
    return can_be_given<Target, M, More..., AnyArgument>();
  } else {
    return false;
  }
}

/// The messenger of a target: its `messenger_type` if it has one; otherwise the first parameter of the target, or of
/// the constructor of a class; otherwise PriorityMessenger.
template <class Target>
struct TargetMessenger : FirstMessenger<typename SignatureOf<Target>::type> {};
template <class Target>
  requires requires { typename Target::messenger_type; }
struct TargetMessenger<Target> {
  using type = typename Target::messenger_type;
};
template <class Target>
  requires(!requires { typename Target::messenger_type; } && std::is_class_v<Target> && std::invocable<Target&> &&
           !can_be_given<Target, PriorityMessenger>() && can_be_given<Target, MultiMessenger>())
struct TargetMessenger<Target> {
  using type = MultiMessenger;
};
template <class Target>
using target_messenger_t = typename TargetMessenger<Target>::type;

/// A class whose operator() has no parameters. It is constructed in the worker.
template <class Target, class M>
concept ClassTarget = std::is_class_v<Target> && std::invocable<Target&> && !std::invocable<Target&, M&>;

/// Conversions that the language allows, but that are mistakes in the arguments of a start.
template <class From, class To>
concept BadConversion = (std::is_pointer_v<From> && std::same_as<std::remove_cvref_t<To>, bool>) ||
                        (std::is_floating_point_v<From> && std::is_integral_v<std::remove_cvref_t<To>>);

template <class Signature, class... A>
constexpr bool has_bad_conversion = false;
template <class First, class... P, class... A>
  requires(sizeof...(P) == sizeof...(A))
constexpr bool has_bad_conversion<Parameters<First, P...>, A...> = (BadConversion<A, P> || ...);

/// Stands for a start argument in a constructor call. It converts only to the types to which the argument may convert.
template <class From>
struct StartArgument {
  template <class To>
    requires(std::convertible_to<From, To> && !BadConversion<From, To>)
  operator To() const;
};

template <class Target, class M, class... A>
constexpr bool is_startable() {
  if constexpr (ClassTarget<Target, M>) {
    return std::constructible_from<Target, M&, std::decay_t<A>...> &&
           (std::constructible_from<Target, M&, StartArgument<std::decay_t<A>>...> ||
            !(std::is_scalar_v<std::decay_t<A>> || ...));
  } else {
    return std::invocable<Target&, M&, std::decay_t<A>...> &&
           !has_bad_conversion<typename SignatureOf<Target>::type, std::decay_t<A>...>;
  }
}

/// Whether the target can be started with these arguments: whether they fit its parameters behind the messenger.
template <class Target, class M, class... A>
concept Startable = is_startable<Target, M, A...>() && (std::constructible_from<std::decay_t<A>, A> && ...);

template <class Signature, class M>
constexpr bool takes_messenger = true;  // unless it is known that it does not
template <class M>
constexpr bool takes_messenger<Parameters<>, M> = false;
template <class First, class... P, class M>
constexpr bool takes_messenger<Parameters<First, P...>, M> = std::convertible_to<M&, First>;

/// The number of parameters behind the messenger, or -1 if it cannot be known.
template <class Signature>
constexpr int parameters_behind_first = -1;
template <class First, class... P>
constexpr int parameters_behind_first<Parameters<First, P...>> = sizeof...(P);

template <class Signature>
constexpr bool wants_to_change_argument = false;
template <class First, class... P>
constexpr bool wants_to_change_argument<Parameters<First, P...>> =
    ((std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>) || ...);

/// Refuses the arguments of a start with one error that says what does not fit.
template <class Target, class M, class... A>
constexpr void check_startable() {
  using Signature = typename SignatureOf<Target>::type;
  constexpr bool kFits = Startable<Target, M, A...>;
  constexpr bool kIsClass = ClassTarget<Target, M>;
  constexpr int kWanted = parameters_behind_first<Signature>;
  if constexpr (kIsClass && !std::constructible_from<Target, M&, std::decay_t<A>...>) {
    static_assert(
        kFits,
        "coproc: the target's class has no constructor that takes its messenger, by reference, and then these "
        "start arguments, by value");
  } else if constexpr (!kIsClass && !takes_messenger<Signature, M>) {
    static_assert(kFits,
                  "coproc: a target's first parameter is its messenger, by reference: a "
                  "coproc::PriorityMessenger& or a coproc::MultiMessenger&");
  } else if constexpr (!kIsClass && kWanted != -1 && kWanted != static_cast<int>(sizeof...(A))) {
    static_assert(kFits,
                  "coproc: start() takes one argument for each parameter of the target behind its messenger: "
                  "there are too few of them here, or too many");
  } else if constexpr (kIsClass || has_bad_conversion<Signature, std::decay_t<A>...>) {
    static_assert(kFits,
                  "coproc: a start argument is a pointer for a bool, or a floating-point number for an integer, "
                  "which is mostly a mistake: convert it where start() is called if it is meant");
  } else if constexpr (wants_to_change_argument<Signature>) {
    static_assert(kFits,
                  "coproc: a target cannot change the arguments of start(), of which its process has a copy: its "
                  "parameters behind the messenger are values or const references");
  } else {
    static_assert(kFits, "coproc: a start argument cannot be converted to the target's parameter at its place");
  }
}

}  // namespace coproc::inline v0::detail
