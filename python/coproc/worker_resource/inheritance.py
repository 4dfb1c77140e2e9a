"""What the process of a worker has of its host's, and is not to keep."""

import contextlib
import signal
import sys
import threading
from multiprocessing import resource_tracker

#: Ctrl-C goes to all processes of the terminal; the host decides what it means for its workers.
_INTERRUPTS = {signal.SIGINT}
#: A handler of these is about the line that runs, whoever it belongs to.
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}


@contextlib.contextmanager
def signals_held_back(method):
    """A process that is started here by this method acts on no signal as its host would, before it calls `be_new`.

    A fork has its host's handlers, and one of the fork server inherits nothing from this process.
    """
    if method == "spawn":
        resource_tracker.ensure_running()  # else it is started in between, and lets SIGINT through again
    held = {"fork": signal.valid_signals() - _CRASHES, "spawn": _INTERRUPTS}.get(method, ())
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def children_heard_of():
    """A fork server that is started here hears of the ends of its processes, also where this thread blocks all signals."""
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Observers:
    """What traces and profiles the thread that starts a worker: a debugger, coverage, a profiler.

    They are about the host: what a fork would tell them stays in the fork, and slows it down. What was started in the worker, as coverage.py does before
    this, is another one, and stays.
    """

    _SETTERS = (sys.settrace, sys.setprofile, threading.settrace, threading.setprofile)

    def __init__(self):
        self._of_host = _observers()
        self._tools = _monitoring_tools()

    def forget(self):
        """In the fork."""
        for set_to, now, of_host in zip(self._SETTERS, _observers(), self._of_host):
            if now is not None and now is of_host:
                set_to(None)
        for tool, name in _monitoring_tools().items():
            # A debugger's and coverage's cannot be told from what they have started in the worker.
            if self._tools.get(tool) == name and tool not in (sys.monitoring.DEBUGGER_ID, sys.monitoring.COVERAGE_ID):
                sys.monitoring.set_events(tool, 0)
                sys.monitoring.free_tool_id(tool)


def _observers():
    return sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()


def _monitoring_tools():
    """By their numbers (from Python 3.12 on)."""
    if not hasattr(sys, "monitoring"):
        return {}
    return {tool: name for tool in range(6) if (name := sys.monitoring.get_tool(tool)) is not None}


def be_new(seed, observers=None):
    """In the worker, before its target runs. `seed`: the worker's own; `observers`: its host's, where it is a fork."""
    if observers is not None:
        observers.forget()
        _forget_handlers()
        _forget_event_loop()
    _ignore_interrupts()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    draw_other_numbers(seed)


def _forget_handlers():
    """The host's Python handlers are about the host: its event loop, its files. What it ignores stays ignored."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _forget_event_loop():
    """The thread that has forked may have run one."""
    events = sys.modules.get("asyncio.events")
    if events is None:
        return
    events._set_running_loop(None)
    policy = getattr(events, "_event_loop_policy", None)
    if hasattr(policy, "_local") and hasattr(policy, "_Local"):
        policy._local = policy._Local()


def _ignore_interrupts():
    """By an empty handler, not SIG_IGN: programs that the worker executes can be interrupted. A handler of the worker's own modules stays."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: None)


def draw_other_numbers(seed):
    """Of the generators that modules share: a fork and one of the fork server would draw the numbers that others draw, too."""
    if random := sys.modules.get("random"):
        random.seed(seed)
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed([seed & 0xFFFFFFFF, seed >> 32])
