"""usage: calls_of_the_library.py SOURCE_DIR

Fails where src/os, through which all system calls of the library go, makes one that the table of src/sandbox does not
know: a worker in a box would get ENOSYS for it. Goes by the house's habit of writing `::read(...)`."""

import pathlib
import re
import sys

# What functions of the C library call, where that has another name; "" for those that call nothing, or what a box has
# closed before: they are used to start processes, or by the host alone.
CALLS = {
    "atoll": "",
    "clock_getcpuclockid": "clock_getres",
    "closedir": "close",
    "dirfd": "",
    "eventfd": "eventfd2",
    "fcntl64": "fcntl",
    "fork": "clone",
    "getauxval": "",
    "opendir": "openat",
    "posix_spawn": "clone",
    "pread": "pread64",
    "pselect": "pselect6",
    "pthread_sigmask": "rt_sigprocmask",
    "pwrite": "pwrite64",
    "raise": "tgkill",
    "readdir": "getdents64",
    "recv": "recvfrom",
    "send": "sendto",
    "sigaction": "rt_sigaction",
    "signal": "rt_sigaction",
    "sigprocmask": "rt_sigprocmask",
    "sigpending": "rt_sigpending",
    "sigqueue": "rt_sigqueueinfo",
    "sigtimedwait": "rt_sigtimedwait",
    "prlimit": "prlimit64",
    "isatty": "ioctl",
    "tcgetattr": "ioctl",
    "sched_getcpu": "getcpu",
    "tcgetpgrp": "ioctl",
}
# Functions that make no system call of their own.
QUIET = set(
    """_exit abort dladdr dlsym dl_iterate_phdr exit fflush_unlocked fileno free ftrylockfile funlockfile getenv
    memcpy setenv strtoull sysconf unsetenv pthread_atfork pthread_getspecific pthread_self pthread_setcancelstate
    pthread_setspecific srand48 srandom sigaddset sigemptyset sigfillset sigismember operator syscall strlen strcat
    clearenv environ pthread_testcancel __fpending __fpurge
    inet_ntop inet_pton makedev mallopt""".split()
)
# Called only in a host, in an agent, and in a process before its box is closed.
BEFORE_THE_BOX = {"getifaddrs", "sched_getattr"}


def main(source):
    table = set()
    for path in (source / "src/sandbox").glob("calls_*.cpp"):
        table |= set(re.findall(r"\{CALL\((\w+)\)", path.read_text()))
    assert len(table) > 200, "the table was not found"
    found, wrong = set(), []
    for path in sorted((source / "src/os").glob("*.[ch]pp")):
        if path.name.endswith("_test.cpp") or "for_test" in path.name:
            continue
        text = path.read_text()
        names = {CALLS.get(name, name) for name in re.findall(r"(?<![\w:>])::([a-z_]\w*)\(", text)}
        names |= set(re.findall(r"\bSYS_(\w+)", text))
        for name in sorted(names - QUIET - BEFORE_THE_BOX - {""}):
            found.add(name)
            if name not in table:
                wrong.append(f"{path.name} calls {name}, which no row of src/sandbox/calls_*.cpp names")
    assert {"ppoll", "pwritev2", "mmap", "timer_settime", "fstat"} <= found, "too little was found"
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
