// Functions for workers: the number and the seed that distinguish a worker from others, the way into a box, and the
// entry of programs that a host starts as an Executable.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/confinement.hpp"
#include "coproc/detail/incoming.hpp"
#include "coproc/detail/target.hpp"
#include "coproc/detail/travel.hpp"
#include "coproc/export.hpp"
#include "coproc/limits.hpp"
#include "coproc/sandbox.hpp"
#include "coproc/span.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0 {

namespace detail {

/// The target of a program that runs as a worker, without its types.
struct WorkerPlan {
  void (*run)(void* context, Messenger& messenger, ReceivedArguments& arguments);
  void* context;
  std::span<const TypeInfo* const> argument_types;
  bool reorders;
};
COPROC_API int run_this_worker(const WorkerPlan& plan);

/// Decodes the state that this worker was given. Returns false if there is none.
COPROC_API bool restore(const Incoming& to);

/// Runs a call whose arguments behind the messenger have the types `A`.
template <class M, class... A>
class ThisWorker : private Worker {
 public:
  template <class Call>
  static int run(Call& call) {
    static_assert((TravellingArgument<A> && ...),
                  "coproc: a parameter of this target cannot be sent: take a value with a codec instead");
    const std::array<const TypeInfo*, sizeof...(A)> types{argument_type<A>()...};
    return run_this_worker(
        {[](void* context, Messenger& messenger, ReceivedArguments& from) {
           std::tuple<received_t<A>...> arguments{Worker::take_argument<A>(from)...};
           from.decoder.finish();
           std::apply(
               [&](auto&... each) { (*static_cast<Call*>(context))(static_cast<M&>(messenger), std::move(each)...); },
               arguments);
         },
         &call, types, std::same_as<M, PriorityMessenger>});
  }
};

template <class Signature>
struct RunWithSignature;
template <class First, class... P>
struct RunWithSignature<Parameters<First, P...>> {
  template <class Target>
  static int run(Target& target) {
    auto call = [&](auto& messenger, auto&&... each) { std::invoke(target, messenger, std::move(each)...); };
    return ThisWorker<std::remove_cvref_t<First>, std::remove_cvref_t<P>...>::run(call);
  }
};

}  // namespace detail

namespace this_worker {

/// The number of this worker among those of its host. In a pool it is the worker's place, from 0 on; a worker that
/// replaces another one gets the same number. Otherwise it is `WorkerOptions::number`, or the number of workers that
/// the host had started before. In a process that is no worker it is 0.
COPROC_API std::uint64_t number() noexcept;

/// A number that no other worker has, as a seed for generators of random numbers. (A static generator is made once for
/// all workers of a fork server, so it would draw the same numbers in each of them.) With `WorkerOptions::seed` it is
/// reproducible. The generators of the C library (rand, random, drand48) are seeded with it before the target runs,
/// except in an Executable and in a fork of a host with other threads.
COPROC_API std::uint64_t seed() noexcept;

/// The state that this worker was given at its start: the newest one that a worker before it has saved
/// (`Messenger::save`), if both are workers of the same Supervised. nullopt: this is the first worker since
/// `Supervised::start`, none before it has saved anything, or the state was dropped since workers ended by it
/// (RestartOptions::state_attempts). Each call decodes it anew. Throws TypeMismatchError if it is of another type, and
/// DecodeError if it is no such value.
///
///     std::optional<Index> saved = coproc::this_worker::restored<Index>();
///     Index index = saved ? std::move(*saved) : Index(path);
template <class T>
std::optional<T> restored() {
  check_encodable<T>();
  static_assert(std::is_same_v<T, wire_t<T>>,
                "coproc: restore text as std::string and arrays as std::vector: views and literals are saved as these");
  std::optional<T> state;
  if constexpr (Encodable<T>) (void)detail::restore(detail::incoming<T>(state));
  return state;
}

/// Puts this process into a box, for ever: open what is needed first, then close the door. The box can only become
/// tighter by further calls. Returns what the system enforces. Throws InvalidArgumentError if this process has other
/// threads, which would stay outside, and SandboxError if the system cannot enforce everything and the sandbox is not
/// `best_effort()`.
COPROC_API Confinement confine(const Sandbox& sandbox, const Limits& limits = {});
/// Sets limits alone, for ever. Returns what holds. Throws InvalidArgumentError for values that cannot be limits, and
/// SandboxError if this process uses more already.
COPROC_API Confinement confine(const Limits& limits);

/// Tells the host that this worker is getting on with what it does. With `HealthOptions::beat` a worker that has done
/// so once, and then does not for longer than that, is taken for hung. The first 40 bytes of the last note, such as
/// "chunk 17", are told with its end (`Hang::note`). Any thread and any signal handler may call it. It makes no system
/// call, and does nothing in a process that is no worker.
COPROC_API void beat(std::string_view note = {}) noexcept;

/// What this worker does, named: see coproc/span.hpp.
using coproc::mark;
using coproc::Span;

/// Whether a host has started this program as an Executable, and `run` was not called yet.
COPROC_API bool is_worker() noexcept;

/// Runs the target with the arguments of the host's `start`, which must be of the types of the target's parameters.
/// Returns the exit code for main: 0 if the target returned or was asked to close, and 1 if an exception left it, which
/// is then sent to the host. Call this once. Throws StartError if no host has started this program.
///
///     int main() { return coproc::this_worker::run(&index_files); }
template <class Target>
int run(Target target) {
  using Signature = typename detail::SignatureOf<Target>::type;
  static_assert(!std::is_void_v<Signature>,
                "coproc: the target of this_worker::run must be a function or callable object with one signature");
  return detail::RunWithSignature<Signature>::run(target);
}

/// The same for a class target, which is constructed with a messenger and with arguments of the types `A`.
template <class Target, class... A>
  requires detail::ClassTarget<Target, detail::target_messenger_t<Target>>
int run() {
  auto call = [](auto& messenger, auto&&... each) {
    Target object(messenger, std::move(each)...);
    object();
  };
  return detail::ThisWorker<detail::target_messenger_t<Target>, A...>::run(call);
}

}  // namespace this_worker
}  // namespace coproc::inline v0
