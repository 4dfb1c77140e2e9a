// Queues and counters with keys and priorities, for programs that keep or move messages by means of their own.
//
// This header is not part of coproc.hpp. Messengers use PriorityQueue themselves; the classes below coproc/queues/ are
// for programs only.
#pragma once

#include "coproc/priority_queue.hpp"
#include "coproc/queues/multi_queue.hpp"
#include "coproc/queues/priority_multi_queue.hpp"
#include "coproc/queues/request_counter.hpp"
