// The target of the worker that reads what the user types: the host waits for the user as for any other worker.
#pragma once

#include <coproc/coproc.hpp>

namespace search {

/// Sends each line of the standard input as a TypedLine, EndOfTyping after the last, and waits to be asked to close.
void typist(coproc::PriorityMessenger& host);

}  // namespace search
