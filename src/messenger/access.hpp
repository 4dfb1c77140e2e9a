// How the worker layer makes messengers out of links and reaches what stands behind them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "coproc/messenger.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

struct MessengerAccess {
  template <class M>
  static M make(std::unique_ptr<Core> core) {
    return M(std::move(core));
  }
  /// coproc::wait_any, but `replies_of`, unless null, only for replies of this channel (and for errors and the peer's
  /// end).
  static std::optional<std::size_t> wait_any(std::span<Messenger* const> messengers, const ChannelId* replies_of,
                                             Timeout timeout);
  static Core* core(const Messenger& messenger) noexcept { return messenger.core_.get(); }
  static std::unique_ptr<Core> release_core(Messenger& messenger) noexcept { return std::move(messenger.core_); }
  static void set_core(Messenger& messenger, std::unique_ptr<Core> core) noexcept { messenger.core_ = std::move(core); }
};

}  // namespace coproc::inline v0::detail
