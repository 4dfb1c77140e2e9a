// The far agent's way to the near one if it is to connect back.
//
// Thread safety: free functions; one thread.
#pragma once

#include <memory>

#include "agent/wire_stream.hpp"
#include "os/clock.hpp"
#include "wire/ticket.hpp"

namespace coproc::inline v0::agent {

/// Reads the ticket that comes through the launcher's stdin, after what waits in the outbox was written. Throws
/// wire::BrokenWire if what comes is none, or does not come by then.
wire::Ticket await_ticket(WireStream& pipes, const os::Deadline& deadline);

/// Tries the addresses of the ticket until one of them is that of the near agent. Throws std::runtime_error that says
/// of each address why it is not.
std::unique_ptr<WireStream> call_back(const wire::Ticket& ticket, const os::Deadline& deadline);

}  // namespace coproc::inline v0::agent
