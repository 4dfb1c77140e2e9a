// The worker layer's access to messengers: it makes them out of links and reaches their cores.
//
// Thread safety: that of Messenger and Core.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "coproc/messenger.hpp"
#include "messenger/core.hpp"
#include "os/fork_guard.hpp"

namespace coproc::inline v0::detail {

struct MessengerAccess {
  template <class M>
  static M make(std::unique_ptr<Core> core) {
    return M(std::move(core));
  }
  /// Like coproc::wait_any. If `replies_of` is not null, it waits only for replies on this channel, for errors and for
  /// the peer's end.
  static std::optional<std::size_t> wait_any(std::span<Messenger* const> messengers, const ChannelId* replies_of,
                                             Timeout timeout);
  static Core* core(const Messenger& messenger) noexcept { return messenger.core_.get(); }
  static std::unique_ptr<Core> release_core(Messenger& messenger) noexcept { return std::move(messenger.core_); }
  /// Gives the messenger a core, and keeps Messenger::interrupt() of other threads out meanwhile. An interrupt that was
  /// meant for the last core is one of the new one.
  static void set_core(Messenger& messenger, std::unique_ptr<Core> core) noexcept {
    const os::ForkLock lock;
    messenger.core_.swap(core);
    if (core != nullptr && core->underlying_link().is_interrupted()) messenger.core_->interrupt();
  }
};

}  // namespace coproc::inline v0::detail
