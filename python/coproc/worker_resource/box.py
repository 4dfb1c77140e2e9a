"""The box of a worker's process, its sandbox, limits and control group: what the host asks for, and how it is closed.

The worker enters its control group first. It closes the box when it has imported its main module and unpickled its
arguments, before its target runs. It then writes to a pipe what holds, or why it cannot have its box, and runs its
target only if it has it.
"""

import contextlib
import json
import linecache
import os
import resource
import sys
from multiprocessing import Pipe, forkserver, resource_tracker

from .. import _core, interop
from ..errors import SandboxError, StartError

_MOST_BYTES = 1 << 20  # of the report


class Box:
    """The box of one start, on its way to the worker.

    :param sandbox: a Sandbox or None
    :param limits: Limits or None
    :param method: the start method of the process
    :param kept: the descriptors of this process that a fork keeps
    """

    def __init__(self, sandbox, limits, method, kept):
        self._sandbox, self._limits = sandbox, limits
        self._method, self._kept = method, kept
        self.report, self._answer = Pipe(duplex=False)

    def __reduce__(self):
        return _arrived, (self._sandbox, self._limits, self._method, self._answer)

    # ---- in the host ----

    def started(self):
        """Close this process's copy of what the worker has."""
        self._answer.close()

    def confinement(self, worker, name):
        """Wait for the worker's report.

        :param worker: the worker of the core
        :param name: its name
        :return: its Confinement; None if the worker has ended before, whose reason its messenger has
        :raises StartError: if the worker cannot have its box
        """
        while not self.report.poll(0.05):
            if not worker.is_alive() and not self.report.poll():
                return None  # another process may have inherited the pipe, so that it has no end
        try:
            said = json.loads(self.report.recv_bytes(_MOST_BYTES))
            refused = said.get("refused")
            if refused is None:
                filters, landlock, scopes_signals, limits, missing = said["holds"]
                limits += worker.confinement().limits  # those of its control group, which only the host knows
                return _core.Confinement._of(filters, landlock, scopes_signals, limits, missing)
        except EOFError:
            return None
        except (ValueError, TypeError, LookupError, AttributeError, OSError) as error:
            raise StartError(f"worker {name!r} has sent no report of its sandbox: {error!r}", "sandbox") from None
        raise StartError(f"worker {name!r} was not started: {refused}", "sandbox")

    # ---- in the worker ----

    def enter(self, end):
        """Enter the control group, if there is one, and forget what only other processes should have.

        Ends the process if it may not enter the group.

        :param end: the worker's LinkEnd
        """
        try:
            end.enter_control_group()
        except SandboxError as error:
            self._refuse(error)
        self._forget_descriptors(end)

    def _forget_descriptors(self, end):
        """Give up the descriptors of other processes that this one has inherited: a box keeps nobody from those.

        :param end: the worker's LinkEnd
        """
        if self._sandbox is None:
            return
        trackers = {resource_tracker._resource_tracker._fd}
        if self._method == "spawn":
            found = trackers  # of all others this process was given each by name
        else:
            found = _descriptors() | trackers
            if self._method == "forkserver":
                found -= set(forkserver._forkserver._inherited_fds or ())
            found -= {*end.fds(), self._answer.fileno(), *self._kept}
        # They stay open, as /dev/null. Objects that still have their numbers then close nothing else.
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for fd in found - {0, 1, 2, None, null}:
            if _is_open(fd):
                os.dup2(null, fd, inheritable=False)
        os.close(null)

    def close(self):
        """Close the box and tell the host. Ends the process if the box cannot be had."""
        try:
            holds = confine(self._sandbox, self._limits)
        except (SandboxError, ValueError) as error:
            self._refuse(error)
        self._say({"holds": holds._parts()})

    def _refuse(self, error):
        self._say({"refused": str(error)})
        sys.exit(1)

    def _say(self, said):
        self._answer.send_bytes(json.dumps(said).encode())
        self._answer.close()


def confine(sandbox, limits):
    """Confine this process, when it has imported what coproc needs from then on."""
    if sandbox is not None:
        import traceback  # noqa: F401

        from ..pool import failures  # noqa: F401

        interop.import_early()
        if sandbox._is_strict:
            linecache.updatecache = _no_source  # to look for the lines of a traceback would end this process
    return _core.confine(sandbox, limits)


def _no_source(filename, module_globals=None):
    return []


def kept_by(arguments):
    """Return the descriptors of this process that are in the arguments of a start: of messengers, pipes and files."""
    kept = set()
    for each in flat(arguments):
        if isinstance(each, _core.Messenger):
            kept.update(each._held.fds() if each._held is not None else ())
        elif hasattr(each, "fileno"):
            with contextlib.suppress(OSError, ValueError, TypeError):  # it has none
                kept.add(each.fileno())
    return kept


def refuse_pickling_pairs(arguments, name):
    """Raise ValueError if a worker that is not trusted would get an end of a pair that takes its pickles."""
    for each in flat(arguments):
        if isinstance(each, _core.Messenger) and each.codec == "pickle":
            raise ValueError(
                f"worker {name!r} is in a sandbox, and among its arguments is a messenger whose other end would "
                "unpickle what it sends, which could run any code there: make that pair by new_pair(codec='msgpack'), "
                "or, if you trust the worker nevertheless, say trust_pickle=True"
            )


def flat(arguments):
    """Iterate over the arguments, and over the contents of lists, tuples and dicts."""
    for argument in arguments:
        if isinstance(argument, (list, tuple)):
            yield from argument
        elif isinstance(argument, dict):
            yield from argument.values()
        else:
            yield argument


def _descriptors():
    """Return the numbers that may be those of open descriptors."""
    try:
        return set(map(int, os.listdir("/proc/self/fd")))
    except OSError:  # there is no /proc
        return set(range(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


def _is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _arrived(sandbox, limits, method, answer):
    box = Box.__new__(Box)
    box._sandbox, box._limits, box._method, box._kept, box._answer = sandbox, limits, method, (), answer
    return box
