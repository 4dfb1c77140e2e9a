// What is seen of a link, in words and as JSON.
//
// Thread safety: free functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "seen.hpp"

namespace command {

/// "3 (1 %)": the messages in a ring that may be unread, and the part of the ring that they take. "? (1 %)" if they are
/// no messages. REQUIRES: the link is in sight.
std::string unread_text(Watcher& watcher, const SeenLink& link, int from);

nlohmann::json json_of(Watcher& watcher, const SeenLink& link);

}  // namespace command
