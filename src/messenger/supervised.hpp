// Lets the supervisor of a messenger act in the calls that find its worker dead.
//
// Thread safety: that of Messenger.
#pragma once

#include <new>
#include <type_traits>

#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

/// Makes a call of the user, which may take so long, as with_memory() does. If it finds that the worker has ended or
/// has broken a rule of the link, the supervisor of the messenger, if there is one, replaces it before the call throws.
template <class Call>
[[gnu::always_inline]] inline auto supervised(const Core& core, const Timeout& timeout, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  } catch (const WorkerDiedError& error) {
    if (core.replace_peer(error, timeout)) throw;
  } catch (const ProtocolError& error) {
    if (core.replace_peer(error, timeout)) throw;
  }
  using Result = decltype(call());
  if constexpr (std::is_void_v<Result> || std::is_enum_v<Result>) {
    core.throw_not_yet_replaced();
  } else {
    return Result{};  // nothing was sent or received yet
  }
}

}  // namespace coproc::inline v0::detail
