// Workers for the tests that hold for every start method: they play parts, by name, so that another program
// (tests/start/parts_worker.cpp) can play them, too.
#pragma once

#include <coproc/coproc.hpp>

#include <string>

namespace parts {

/// The target. All parts write one byte to `fd` (if there is one) when they have begun.
///
///   answers    what it is asked, see below
///   spins      for ever
///   stops      itself by SIGSTOP
///   receives   waits for a message
///   sends      until no space is left, then says so, then sends more
///   polls      receives without waiting; says so when HostDiedError comes, and lets it pass
///   clings     catches every HostDiedError, and goes on
///   writes, writes and exits
///              writes to `fd` by all that is written or destroyed when a program ends, and ends
///   returns, exit, _exit, quick_exit, pthread_exit
///              prints, and ends in this way; what has handlers and destructors in its program writes to `fd`
void play(coproc::PriorityMessenger& host, const std::string& part, int fd);
/// The same on a machine that has the file which the descriptor leads to, by this name. Empty: there is none.
void play_there(coproc::PriorityMessenger& host, const std::string& part, const std::string& file);

/// A question to a worker that plays "answers": a word, and what it is about.
std::string answer(const std::string& question);

}  // namespace parts
