"""Removes from the process of a worker what it has inherited from its host and must not keep."""

import contextlib
import signal
import sys
import threading
from multiprocessing import resource_tracker

#: Ctrl-C goes to all processes of the terminal. The host decides what it means for its workers.
_INTERRUPTS = {signal.SIGINT}
#: These signals are about the code that runs, so their handlers are needed at once.
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}


@contextlib.contextmanager
def signals_held_back(method):
    """Keep a process that is started meanwhile from acting on signals as its host would, until it calls `be_new`.

    A fork has the handlers of its host. A process of the fork server inherits nothing from this process.
    """
    if method == "spawn":
        resource_tracker.ensure_running()  # otherwise it is started later, and unblocks SIGINT
    held = {"fork": signal.valid_signals() - _CRASHES, "spawn": _INTERRUPTS}.get(method, ())
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def children_heard_of():
    """Let a fork server that is started meanwhile notice the ends of its processes.

    It inherits the signal mask of this thread, which may block all signals.
    """
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Observers:
    """The functions that trace and profile the thread that starts a worker: of a debugger, of coverage, of a profiler.

    They observe the host. In a fork they would only slow the worker down, and their results would be lost. Functions
    that were started in the worker itself, as coverage.py does before this, are other ones, and stay.
    """

    _SETTERS = (sys.settrace, sys.setprofile, threading.settrace, threading.setprofile)

    def __init__(self):
        self._of_host = _observers()
        self._tools = _monitoring_tools()

    def forget(self):
        """Remove them in the fork."""
        for set_to, now, of_host in zip(self._SETTERS, _observers(), self._of_host):
            if now is not None and now is of_host:
                set_to(None)
        for tool, name in _monitoring_tools().items():
            # Debuggers and coverage use the same tool ids in the worker, so theirs are left alone.
            if self._tools.get(tool) == name and tool not in (sys.monitoring.DEBUGGER_ID, sys.monitoring.COVERAGE_ID):
                sys.monitoring.set_events(tool, 0)
                sys.monitoring.free_tool_id(tool)


def _observers():
    return sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()


def _monitoring_tools():
    """Return the names of the tools by their ids (from Python 3.12 on)."""
    if not hasattr(sys, "monitoring"):
        return {}
    return {tool: name for tool in range(6) if (name := sys.monitoring.get_tool(tool)) is not None}


def be_new(seed, observers=None):
    """Make the process of a worker as new, before its target runs.

    :param seed: the worker's own seed
    :param observers: the Observers of the host, if the process is a fork
    """
    if observers is not None:
        observers.forget()
        _forget_handlers()
        _forget_event_loop()
    _ignore_interrupts()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    draw_other_numbers(seed)


def _forget_handlers():
    """Remove Python's signal handlers, which use the host's event loop and files. Ignored signals stay ignored."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _forget_event_loop():
    """Remove the event loop that the forking thread may have run."""
    events = sys.modules.get("asyncio.events")
    if events is None:
        return
    events._set_running_loop(None)
    policy = getattr(events, "_event_loop_policy", None)
    if hasattr(policy, "_local") and hasattr(policy, "_Local"):
        policy._local = policy._Local()


def _ignore_interrupts():
    """Ignore Ctrl-C, unless the worker's own modules have installed a handler.

    This uses an empty handler instead of SIG_IGN, so that programs that the worker executes can be interrupted.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: None)


def draw_other_numbers(seed):
    """Seed the random generators that all modules share.

    Otherwise forks, and processes of the fork server, would all draw the same numbers.
    """
    if random := sys.modules.get("random"):
        random.seed(seed)
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed([seed & 0xFFFFFFFF, seed >> 32])
