// A coroutine and a task that a loop has to bring to their ends. Each loop of docs/event-loops.md is a `run`.
#pragma once

#include <unistd.h>

#include <coproc/async.hpp>
#include <coproc/coproc.hpp>

/// Drives until `is_over`.
void run(coproc::AsyncMessenger& messages, coproc::Pool<>& pool, const bool& is_over);
