// A worker with its target and its messenger.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/detail/target.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0 {

/// A worker that runs a target (seed: WorkerResource): a function, lambda or callable object whose first parameter is a
/// messenger, or a class that is constructed in the worker with a messenger and the start arguments and then called.
/// A callable object is copied at each start, so that each run begins with the state that it was given here.
///
///     coproc::WorkerResource worker{echo};   // void echo(coproc::PriorityMessenger& host, bool verbose)
///     worker.start(/*verbose=*/true);
///     worker.messenger().send_norequest("hello");
///
/// Thread safety: as Worker.
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
    // A lambda cannot be assigned, but made anew.
    std::destroy_at(&target_);
    std::construct_at(&target_, std::move(other.target_));
    return *this;
  }
  ~WorkerResource() = default;

  /// Starts the worker; returns when its process is set up, before the target runs. The arguments are copied or moved as
  /// std::thread does; a pointer for a bool and a floating-point number for an integer are refused. Messengers among them
  /// are handed over to the worker. Throws WorkerIsAlreadyAliveError, StartError, InvalidArgumentError.
  template <class... A>
    requires detail::Startable<Target, M, A...>
  void start(A&&... arguments) {
    using Arguments = std::tuple<std::decay_t<A>...>;
    struct Context {
      WorkerResource* self;
      Arguments arguments;
    } context{this, Arguments(std::forward<A>(arguments)...)};

    constexpr std::size_t kHandedOver =
        (std::size_t{0} + ... + (std::derived_from<std::decay_t<A>, Messenger> ? 1 : 0));
    std::array<Messenger*, kHandedOver> handed_over{};
    [[maybe_unused]] std::size_t at = 0;
    std::apply(
        [&]([[maybe_unused]] auto&... each) {
          (
              [&] {
                if constexpr (std::derived_from<std::remove_reference_t<decltype(each)>, Messenger>)
                  handed_over[at++] = &each;
              }(),
              ...);
        },
        context.arguments);

    Worker::start({[](void* c, Messenger& messenger) {
                     auto& [self, copies] = *static_cast<Context*>(c);
                     self->run(static_cast<M&>(messenger), copies);
                   },
                   &context, handed_over});
  }

  /// This end of the link: one object for this WorkerResource's life, across moves and restarts.
  M& messenger() { return static_cast<M&>(Worker::messenger()); }

 private:
  template <class Arguments>
  void run(M& messenger, Arguments& arguments) {
    std::apply(
        [&](auto&... each) {
          if constexpr (detail::ClassTarget<Target, M>) {
            Target target(messenger, std::move(each)...);
            target();
          } else {
            // In the worker everything is a copy of the host's, also the target.
            std::invoke(target_, messenger, std::move(each)...);
          }
        },
        arguments);
  }

  struct None {};
  std::conditional_t<detail::ClassTarget<Target, M>, None, Target> target_{};
};

template <class F>
WorkerResource(F, WorkerOptions = {}) -> WorkerResource<F>;

}  // namespace coproc::inline v0
