// A worker with its target and its messenger.
#pragma once

#include <array>
#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/detail/target.hpp"
#include "coproc/detail/travel.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/starting.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0 {

/// A worker that runs a target. A target is a function, lambda or callable object whose first parameter is a messenger,
/// or a class that is constructed in the worker, with a messenger and the start arguments, and then called. A callable
/// object is copied at each start, so that each run begins with the state that the object had here.
///
///     coproc::WorkerResource worker{echo};   // void echo(coproc::PriorityMessenger& host, bool verbose)
///     worker.start(/*verbose=*/true);
///     worker.messenger().send_norequest("hello");
///
/// Functions, classes and callable objects without captures are started by the fork server if all arguments can be
/// sent; then global variables are as before main. Any other target is started by a fork of this process. If this
/// process has other threads that is refused, unless `WorkerOptions::method` is StartMethod::fork.
///
/// Thread safety: that of Worker.
template <class Target, class M = detail::target_messenger_t<Target>>
class WorkerResource : public Worker {
  static_assert(std::same_as<M, PriorityMessenger> || std::same_as<M, MultiMessenger>,
                "coproc: a target's first parameter is a coproc::PriorityMessenger& or a coproc::MultiMessenger&");

  static_assert(std::is_nothrow_move_constructible_v<Target> || detail::ClassTarget<Target, M>,
                "coproc: a target must be movable without throwing: keep what is not in a std::unique_ptr");

 public:
  explicit WorkerResource(Target target, WorkerOptions options = {})
    requires(!detail::ClassTarget<Target, M>)
      : Worker(std::move(options), Worker::make_messenger<M>(), std::same_as<M, PriorityMessenger>),
        target_(std::move(target)) {}
  explicit WorkerResource(std::in_place_t = std::in_place, WorkerOptions options = {})
    requires detail::ClassTarget<Target, M>
      : Worker(std::move(options), Worker::make_messenger<M>(), std::same_as<M, PriorityMessenger>) {}
  WorkerResource(WorkerResource&&) noexcept = default;
  WorkerResource& operator=(WorkerResource&& other) noexcept {
    if (this == &other) return *this;
    Worker::operator=(std::move(other));
    // A lambda cannot be assigned, but it can be destroyed and constructed again.
    std::destroy_at(&target_);
    std::construct_at(&target_, std::move(other.target_));
    return *this;
  }
  ~WorkerResource() = default;

  /// Starts the worker. Returns when its process is set up, before the target runs. The arguments are copied or moved
  /// as by std::thread; a pointer for a bool, and a floating-point number for an integer, are refused. Messengers among
  /// the arguments are handed over to the worker. Throws WorkerIsAlreadyAliveError, StartError, and
  /// InvalidArgumentError for options that cannot be fulfilled, such as a start method that this target or these
  /// arguments do not allow.
  template <class... A>
  void start(A&&... arguments) {
    detail::check_startable<Target, M, A...>();
    if constexpr (detail::Startable<Target, M, A...>) start_with(false, std::forward<A>(arguments)...);
  }
  /// Asks for a start and does not wait for the new process: await_start() does that, or `co_await`. Then messenger()
  /// has the new link. docs/starting.md says what still takes time, for each start method. Throws like `start` what is
  /// known at once. A start by a fork of this process, or on another machine, is over when this returns.
  template <class... A>
  Starting start_async(A&&... arguments) {
    detail::check_startable<Target, M, A...>();
    if constexpr (detail::Startable<Target, M, A...>) start_with(true, std::forward<A>(arguments)...);
    return Starting(*this);
  }

  /// This end of the link. It is the same object for the whole life of this WorkerResource, across moves and restarts.
  M& messenger() { return static_cast<M&>(Worker::messenger()); }

 private:
  template <class... A>
  void start_with(bool is_async, A&&... arguments) {
    Context<std::decay_t<A>...> context{this, std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...)};
    const auto handed_over = detail::messengers_among(context.arguments);
    detail::StartPlan plan;
    plan.run = &run_in_fork<std::decay_t<A>...>;
    plan.context = &context;
    plan.handed_over = handed_over;
    plan.obstacle = detail::why_it_cannot_travel<Target, M, std::decay_t<A>...>();
    if constexpr (detail::why_it_cannot_travel<Target, M, std::decay_t<A>...>().empty()) {
      plan.run_received = &run_received<std::decay_t<A>...>;
      plan.encode = &encode<std::decay_t<A>...>;
      if constexpr (detail::kIsFunction<Target>) plan.function = reinterpret_cast<void (*)()>(target_);
    }
    is_async ? Worker::start_async(plan) : Worker::start(plan);
  }

  template <class... A>
  struct Context {
    WorkerResource* self;
    std::tuple<A...> arguments;
  };

  static constexpr bool kSendsTarget =
      !detail::ClassTarget<Target, M> && !detail::kIsFunction<Target> && !detail::kIsStateless<Target>;

  template <class... A>
  static void run_in_fork(void* c, Messenger& messenger) {
    auto& [self, arguments] = *static_cast<Context<A...>*>(c);
    call(self->target_, static_cast<M&>(messenger), arguments);  // the worker has a copy of everything in the host
  }

  template <class... A>
  static void encode(Encoder& encoder, const void* c) {
    const auto& [self, arguments] = *static_cast<const Context<A...>*>(c);
    if constexpr (kSendsTarget) coproc::encode(encoder, self->target_);
    detail::encode_arguments(encoder, arguments);
  }

  template <class... A>
  static void run_received(Messenger& messenger, detail::ReceivedArguments& from) {
    auto target = [&] {
      if constexpr (detail::kIsFunction<Target>) {
        return reinterpret_cast<Target>(from.function);
      } else if constexpr (kSendsTarget) {
        return coproc::decode<Target>(from.decoder);
      } else {
        return Stored();
      }
    }();
    std::tuple<detail::received_t<A>...> arguments{Worker::take_argument<A>(from)...};
    from.decoder.finish();
    call(target, static_cast<M&>(messenger), arguments);
  }

  struct NoObject {};
  using Stored = std::conditional_t<detail::ClassTarget<Target, M>, NoObject, Target>;

  template <class Arguments>
  static void call(Stored& target, M& messenger, Arguments& arguments) {
    std::apply(
        [&](auto&... each) {
          if constexpr (detail::ClassTarget<Target, M>) {
            Target object(messenger, std::move(each)...);
            object();
          } else {
            std::invoke(target, messenger, std::move(each)...);
          }
        },
        arguments);
  }

  Stored target_{};
};

/// A worker that is another program (Executable). The start arguments must be of the types that the target of that
/// program takes, and of types that can be sent.
template <class M>
class WorkerResource<Executable, M> : public Worker {
 public:
  explicit WorkerResource(Executable executable, WorkerOptions options = {})
      : Worker(std::move(options), Worker::make_messenger<M>(), std::same_as<M, PriorityMessenger>),
        executable_(std::move(executable)) {}

  /// Starts the program like any worker. Throws StartError also if the program does not take these arguments, if it
  /// does not answer within `WorkerOptions::start_timeout`, or if it ends before it answers; then the error has its
  /// exit status and the end of its stderr.
  template <class... A>
  void start(A&&... arguments) {
    start_with(false, std::forward<A>(arguments)...);
  }
  /// Asks for a start and does not wait for the new process: see the other WorkerResource.
  template <class... A>
  Starting start_async(A&&... arguments) {
    start_with(true, std::forward<A>(arguments)...);
    return Starting(*this);
  }

  M& messenger() { return static_cast<M&>(Worker::messenger()); }

 private:
  template <class... A>
  void start_with(bool is_async, A&&... arguments) {
    (check_argument<std::decay_t<A>>(), ...);
    if constexpr ((detail::TravellingArgument<std::decay_t<A>> && ...)) {
      std::tuple<std::decay_t<A>...> context{std::forward<A>(arguments)...};
      const auto handed_over = detail::messengers_among(context);
      const std::array<const TypeInfo*, sizeof...(A)> types{detail::argument_type<std::decay_t<A>>()...};
      detail::StartPlan plan;
      plan.context = &context;
      plan.handed_over = handed_over;
      plan.encode = [](Encoder& encoder, const void* c) {
        detail::encode_arguments(encoder, *static_cast<const std::tuple<std::decay_t<A>...>*>(c));
      };
      plan.executable = &executable_;
      plan.argument_types = types;
      is_async ? Worker::start_async(plan) : Worker::start(plan);
    }
  }

  template <class A>
  static constexpr void check_argument() {
    if constexpr (!detail::kIsMessenger<A>) check_encodable<A>();
  }

  Executable executable_;
};

template <class F>
WorkerResource(F, WorkerOptions = {}) -> WorkerResource<F>;

}  // namespace coproc::inline v0
