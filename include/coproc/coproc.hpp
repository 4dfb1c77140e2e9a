// coproc: stateful worker processes that a program can talk to. This header includes all the others.
#pragma once

#include "coproc/channel.hpp"
#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/multi_queue.hpp"
#include "coproc/options.hpp"
#include "coproc/priority.hpp"
#include "coproc/priority_multi_queue.hpp"
#include "coproc/priority_queue.hpp"
#include "coproc/replies_view.hpp"
#include "coproc/request_counter.hpp"
#include "coproc/timeout.hpp"
#include "coproc/worker.hpp"
#include "coproc/worker_resource.hpp"
