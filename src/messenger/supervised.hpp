// Lets the supervisor of a messenger act in the calls that find its worker dead.
//
// Thread safety: that of Messenger.
#pragma once

#include <type_traits>

#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

/// Makes a call of the user, which may take so long. If it finds that the worker has ended or has broken a rule of the
/// link, the messenger's supervisor, if it has one, replaces the worker before the call throws.
template <class Call>
auto supervised(const Core& core, Timeout timeout, Call call) -> decltype(call()) {
  try {
    return with_memory(core, call);
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
