// What the handles of c.h are.
//
// Thread safety: as c.h says.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "coproc/c.h"
#include "coproc/channel.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"

struct coproc_host {
  coproc::Messenger& messenger;
  const std::string argument;               // the bytes of the start argument
  std::optional<std::string> failure = {};  // what coproc_fail has noted
};

struct coproc_channel {
  explicit coproc_channel(coproc::ChannelId name) : id(std::move(name)), description(id.describe()) {}
  const coproc::ChannelId id;
  const std::string description;
};

/// It is made before the receive, so that a received message always has a place; what needs memory is made when it is
/// first asked for.
struct coproc_message {
  coproc::Message message = coproc::detail::MessageAccess::make();
  coproc_kind kind = COPROC_NOTHING;
  std::optional<coproc_channel> channel = {};
  std::optional<std::string> data = {};
};
