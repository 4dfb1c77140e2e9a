"""Ctrl-C goes to all processes of the terminal; the host decides what it means for its workers."""

import contextlib
import signal
from multiprocessing import resource_tracker

_INTERRUPTS = {signal.SIGINT}


@contextlib.contextmanager
def held_back_from_child(method):
    """A process that is started here by this method gets no SIGINT before it calls `ignore`. One of the fork server inherits nothing from this one."""
    if method == "spawn":
        resource_tracker.ensure_running()  # else it is started in between, and lets SIGINT through again
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, () if method == "forkserver" else _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def ignore():
    """In the worker. An empty handler, not SIG_IGN: programs that it executes can be interrupted. A handler of the user's stays."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
