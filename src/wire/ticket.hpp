// What the near agent puts into the launcher's stdin if the far agent is to connect back: where to, and with which key.
//
//   0 bytes    u32   of what follows
//   4 contents       as coproc::encode makes it
//
// Thread safety: values and free functions.
// Security considerations: a ticket opens one connection. It is in no argument, no environment and no file. The far
// agent believes it, as it believes all that comes from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coproc::inline v0::wire {

struct Ticket {
  std::string session;                 // the name of the key
  std::string secret;                  // the key
  std::vector<std::string> addresses;  // numbers, in the order in which they are to be tried
  std::uint16_t port = 0;
};

std::string to_bytes(const Ticket& ticket);
/// nullopt: more bytes are needed. Throws BrokenWire if it is impossible.
std::optional<Ticket> read_ticket(std::string_view bytes);

}  // namespace coproc::inline v0::wire
