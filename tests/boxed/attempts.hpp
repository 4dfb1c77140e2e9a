// The function that boxed workers run in tests. It answers questions, and attempts what the test asks for.
#pragma once

#include <coproc/coproc.hpp>

#include <string>

namespace boxed {

/// Replies to each question (a std::string: a word, and what it is about) with a std::string. With `confines_itself`
/// it enters Sandbox::compute() first.
void answer_questions(coproc::PriorityMessenger& host, bool confines_itself);

/// Tries to reach out of the process. Returns "works", or the name of the error. `about`: the host's pid, a path, a
/// port.
///
///   kill tgkill sigqueue kill_group pidfd_signal owned_pipe async   signal the host (with 0 or SIGWINCH)
///   prlimit read_limits affinity priority io_priority scheduler change what it may use
///   vm_read vm_write ptrace pidfd_getfd proc_mem               look into it
///   open create truncate_for_reading remove chmod stat list    files
///   fork vfork execute                                         processes
///   tcp udp unix socketpair connect listen                     sockets
///   mount unshare bpf io_uring keyctl userfaultfd perf         the system
///   x32 unknown                                                calls that are in no table
std::string attempt(const std::string& what, const std::string& about);

/// The name of an errno: "EPERM".
std::string name_of_error(int error_number);

}  // namespace boxed
