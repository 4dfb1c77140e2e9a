// Lets the supervisor of a messenger act in the calls that find its worker dead.
//
// Thread safety: that of Messenger.
#pragma once

#include <chrono>
#include <new>
#include <type_traits>

#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

/// The time of a call, which is in its options, or is all of them; and the same options with another time.
inline const Timeout& time_of(const Timeout& timeout) noexcept { return timeout; }
template <class Options>
const Timeout& time_of(const Options& options) noexcept {
  return options.timeout;
}
inline Timeout with_time(const Timeout&, std::chrono::nanoseconds time) noexcept { return time; }
template <class Options>
Options with_time(Options options, std::chrono::nanoseconds time) {
  options.timeout = time;
  return options;
}

/// What a call returns that has neither sent nor received anything, since there is no other worker yet.
template <class Result>
Result nothing_yet(const Core& core) {
  if constexpr (std::is_void_v<Result> || std::is_enum_v<Result>) {
    core.throw_not_yet_replaced();
  } else {
    return Result{};
  }
}

/// Makes a call of a messenger whose calls go on where its worker is replaced: since its requests are sent again
/// (Pending::resend), or since it made place for the new one. The call is made again to that for the time that is left,
/// and so on. Apart from supervised(), so that other messengers pay nothing for it.
template <class Options, class Call>
[[gnu::noinline, gnu::cold]] auto going_on(const Core* core, Options options, Call call) -> decltype(call(options)) {
  core->prepare_call();  // once, so that a worker that has reached its limits at once does not keep the call for ever
  for (;;) {
    Replacement replacement{Replaced::and_throw, nullptr, os::Deadline::forever()};
    try {
      return call(options);
    } catch (const std::bad_alloc& error) {
      core->throw_no_memory(error);
    } catch (const WorkerDiedError& error) {
      replacement = core->replace_peer(error, time_of(options));
      if (replacement.then == Replaced::and_throw) throw;
    } catch (const ProtocolError& error) {
      replacement = core->replace_peer(error, time_of(options));
      if (replacement.then == Replaced::and_throw) throw;
    } catch (const LinkClosedError& error) {  // nothing more is sent to a worker that makes place for another one
      replacement = core->replace_peer(error, time_of(options));
      if (replacement.then == Replaced::and_throw) throw;
    }
    if (replacement.then == Replaced::not_in_time) return nothing_yet<decltype(call(options))>(*core);
    core = replacement.core;
    options = with_time(options, replacement.deadline.remaining());
  }
}

/// Makes a call of the user as with_memory() does, `call(options)`, which may take the time of these options. If it
/// finds that the worker has ended or has broken a rule of the link, the supervisor of the messenger, if there is one,
/// replaces it before the call throws.
template <class Options, class Call>
[[gnu::always_inline]] inline auto supervised(const Core& core, const Options& options, Call call)
    -> decltype(call(options)) {
  if (core.goes_on()) [[unlikely]] {
    Call copy = call;  // so that the original has to be in memory in this case only
    return going_on(&core, options, copy);
  }
  try {
    return call(options);
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  } catch (const WorkerDiedError& error) {
    if (core.replace_peer(error, time_of(options)).then == Replaced::and_throw) throw;
  } catch (const ProtocolError& error) {
    if (core.replace_peer(error, time_of(options)).then == Replaced::and_throw) throw;
  }
  return nothing_yet<decltype(call(options))>(core);
}

}  // namespace coproc::inline v0::detail
