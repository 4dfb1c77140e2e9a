// The calls of a pool's tasks: how a function and its arguments travel to a worker, and how they are called there.
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

/// Decodes a callable in the worker. A function is found by its name, a callable object without captures is made anew,
/// and any other one is sent.
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

/// Whether the function of a task takes the state of the pool as its first parameter.
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

/// The value type of a range's elements. For proxies, such as those of vector<bool>, it is the type for which they
/// stand.
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

/// The result type of a task: std::monostate for void, and the type that a view arrives as for a view.
template <class Called>
struct ResultOf {
  using type = wire_t<std::decay_t<Called>>;
};
template <>
struct ResultOf<void> {
  using type = std::monostate;
};
/// The return type of the function of a task, and the type as which the result arrives.
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

/// Runs a task in the worker.
template <class F, class State, class... A>
void run_call(TaskRun& run) {
  F function = decode_callable<F>(run.arguments, run.function);
  std::tuple<wire_t<A>...> arguments{coproc::decode<wire_t<A>>(run.arguments)...};  // braces: in this order
  run.is_decoded = true;
  if (run.is_skipped) return;
  using Called = called_t<F, State, A...>;
  reply_with<Called>(run, [&]() -> Called { return call_task<F, State>(function, run.state, arguments); });
}

/// A task in the host.
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
  std::shared_ptr<const F> function_;  // shared by all tasks of a map; null if it is not sent
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
