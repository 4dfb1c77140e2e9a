// The rows of calls by which a process reaches its parent, the terminal that they share, or any process at all, past
// Landlock: what Sandbox::guard() refuses.
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "sandbox/call_rows.hpp"

namespace coproc::inline v0::sandbox {

namespace {

using enum Need;
using enum Refusal;

#ifndef TIOCSIG
#define TIOCSIG 0x40045436
#endif

#define CALL(name) SYS_##name, #name

constexpr Call kDenied[] = {
    {CALL(ioctl), never, "types into the terminal of the host: Ctrl-C, or a command", not_permitted, {is(1, TIOCSTI)}},
    {CALL(ioctl), never, "pastes into the terminal of the host", not_permitted, {is(1, TIOCLINUX)}},
    {CALL(ioctl), never, "takes the terminal away, which stops the host", not_permitted, {is(1, TIOCSPGRP)}},
    {CALL(ioctl), never, "takes the terminal away from its session", not_permitted, {is(1, TIOCSCTTY)}},
    {CALL(ioctl), never, "hangs up the terminal, which ends the host", not_permitted, {is(1, TIOCVHANGUP)}},
    {CALL(ioctl), never, "signals who is in the foreground of a terminal", not_permitted, {is(1, TIOCSIG)}},
    {CALL(vhangup), never, "hangs up the terminal, which ends the host"},
    {CALL(clone), never, "a child of the host", not_permitted, {is(0, CLONE_PARENT, CLONE_PARENT)}},
    {CALL(clone3), never, "its flags are out of a filter's sight. The C library then calls clone", is_unknown_ever},
    {CALL(keyctl), never, "replaces the keys of the host's session", not_permitted, {is(0, KEYCTL_SESSION_TO_PARENT)}},
    {CALL(perf_event_open), never, "watches other processes, and sees their memory"},
    {CALL(bpf), never, "programs in the kernel, which see the memory of all processes"},
};

#undef CALL

}  // namespace

std::span<const Call> calls_denied_by_guard() noexcept { return kDenied; }

}  // namespace coproc::inline v0::sandbox
