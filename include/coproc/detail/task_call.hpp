// The calls that a pool's tasks are: how a function and its arguments get to a worker, and what is called there.
#pragma once

#include <concepts>
#include <functional>
#include <iterator>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "coproc/codec.hpp"
#include "coproc/detail/task.hpp"
#include "coproc/detail/travel.hpp"

namespace coproc::inline v0::detail {

/// A function is found by its name and a callable object without captures made anew in the worker; any other is sent.
template <class F>
inline constexpr bool kIsSent = !kIsFunction<F> && !kIsStateless<F>;

template <class F>
constexpr void check_task_function() {
  static_assert(
      kIsFunction<F> || kIsStateless<F> || (std::is_class_v<F> && Encodable<F>),
      "coproc: this function has captures, or a state that cannot be sent to a worker: use a function, a lambda "
      "without "
      "captures or a struct with an operator() and fields that can be sent; or coproc::LazyPool, which takes anything");
}

template <class F>
void encode_callable(Encoder& encoder, const void* callable) {
  if constexpr (kIsSent<F>) coproc::encode(encoder, *static_cast<const F*>(callable));
}
template <class F>
F decode_callable(Decoder& decoder, void (*function)()) {
  if constexpr (kIsFunction<F>) {
    return reinterpret_cast<F>(function);
  } else if constexpr (kIsSent<F>) {
    return coproc::decode<F>(decoder);
  } else {
    return F();
  }
}
template <class F>
void (*function_of(const F& callable))() {
  if constexpr (kIsFunction<F>) {
    return reinterpret_cast<void (*)()>(callable);
  } else {
    return nullptr;
  }
}

/// Whether a task of this state takes it as its first parameter.
template <class F, class State, class... A>
constexpr bool takes_state() {
  if constexpr (std::is_void_v<State>) {
    return false;
  } else {
    return std::invocable<F&, State&, A...>;
  }
}

template <class F, class State, class... A>
decltype(auto) call_task(F& function, void* state, std::tuple<A...>& arguments) {
  return std::apply(
      [&](A&... each) -> decltype(auto) {
        if constexpr (takes_state<F, State, A...>()) {
          return std::invoke(function, *static_cast<State*>(state), std::move(each)...);
        } else {
          return std::invoke(function, std::move(each)...);
        }
      },
      arguments);
}

template <class F, class State, class... A>
constexpr void check_task_arguments() {
  check_task_function<F>();
  (check_encodable<A>(), ...);
  static_assert(
      takes_state<F, State, wire_t<A>...>() || std::invocable<F&, wire_t<A>...>,
      "coproc: the task's function cannot be called with what its arguments arrive as (text arrives as std::string, a "
      "view as std::vector), by value; with a pool that has a state, it may take that first, by reference");
}

/// What a task is made of, of a range's elements: a value, also where reading gives something that stands for it.
template <class Iterator>
struct ElementOf {
  using type = std::decay_t<decltype(*std::declval<Iterator&>())>;
};
template <class Iterator>
  requires requires { typename std::iter_value_t<Iterator>; }
struct ElementOf<Iterator> {
  using type = std::iter_value_t<Iterator>;
};
template <class Range>
using element_t = typename ElementOf<std::decay_t<decltype(std::begin(std::declval<Range&>()))>>::type;

/// What a task gives back: nothing is std::monostate, and views arrive as what they show.
template <class Called>
struct ResultOf {
  using type = wire_t<std::decay_t<Called>>;
};
template <>
struct ResultOf<void> {
  using type = std::monostate;
};
/// What its function returns, and what arrives of that.
template <class F, class State, class... A>
using called_t = decltype(call_task<F, State>(std::declval<F&>(), nullptr, std::declval<std::tuple<wire_t<A>...>&>()));
template <class F, class State, class... A>
using task_result_t = typename ResultOf<called_t<F, State, A...>>::type;

template <class Called, class Call>
void reply_with(TaskRun& run, Call call) {
  using Result = typename ResultOf<Called>::type;
  check_encodable<Result>();
  if constexpr (std::is_void_v<Called>) {
    call();
    const Result nothing;
    run.reply(run, outgoing(nothing));
  } else {
    const auto& result = call();
    run.reply(run, outgoing(result));
  }
}

/// In the worker.
template <class F, class State, class... A>
void run_call(TaskRun& run) {
  F function = decode_callable<F>(run.arguments, run.function);
  std::tuple<wire_t<A>...> arguments{coproc::decode<wire_t<A>>(run.arguments)...};  // braces: in this order
  run.is_decoded = true;
  if (run.is_skipped) return;
  using Called = called_t<F, State, A...>;
  reply_with<Called>(run, [&]() -> Called { return call_task<F, State>(function, run.state, arguments); });
}

/// In the host.
template <class F, class... A>
class Call final : public Task {
 public:
  template <class... From>
  explicit Call(const std::shared_ptr<const F>& function, From&&... from)
      : function_(function), arguments_(std::forward<From>(from)...) {}
  void encode(Encoder& encoder) const override {
    if constexpr (kIsSent<F>) coproc::encode(encoder, *function_);
    std::apply([&](const A&... each) { (coproc::encode(encoder, each), ...); }, arguments_);
  }

 private:
  std::shared_ptr<const F> function_;  // of all tasks of a map; null where it is not sent
  std::tuple<A...> arguments_;
};

/// Several calls, each with an argument of its own.
template <class F, class A>
class Calls final : public Task {
 public:
  Calls(const std::shared_ptr<const F>& function, std::size_t most) : function_(function) {
    calls = 0;
    arguments_.reserve(most);
  }
  template <class From>
  void add(From&& from) {
    arguments_.emplace_back(std::forward<From>(from));
    ++calls;
  }
  void encode(Encoder& encoder) const override {
    for (std::size_t i = begin; i != begin + calls; ++i) {
      if constexpr (kIsSent<F>) coproc::encode(encoder, *function_);
      coproc::encode(encoder, std::get<0>(arguments_[i]));
    }
  }

 private:
  std::shared_ptr<const F> function_;
  std::vector<std::tuple<A>> arguments_;  // not of bare A: std::vector<bool> has no elements
};

template <class F>
std::shared_ptr<const F> shared_callable(const F& function) {
  if constexpr (kIsSent<F>) {
    return std::make_shared<const F>(function);
  } else {
    return nullptr;
  }
}

template <class F, class State, class... A>
TaskCode task_code(const F& function) {
  check_task_arguments<F, State, A...>();
  return {&run_call<F, State, A...>, function_of(function)};
}

}  // namespace coproc::inline v0::detail
