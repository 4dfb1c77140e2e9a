"""A worker process: started and reaped by multiprocessing; its link, its death and its end are the C++ core's."""

import multiprocessing
import os
import threading

from .. import _core
from ..errors import WorkerIsDeadError
from ..messenger import PriorityMessenger
from . import interrupts
from .entry import Start
from .life import Life, check_options


class WorkerResource(Life):
    """A worker process and the messenger to it.

        def echo(messenger, verbose=False):
            while True:
                messenger.send_reply(messenger.receive_blocking())

        with coproc.WorkerResource(echo) as worker:
            worker.messenger.send_request("hello")
            print(worker.messenger.receive_blocking())

    `target`: called in the worker with a messenger and the keyword arguments of `start`; a class is constructed so, and the object called. It ends when
    the target returns, or is asked to close and does not catch ResourceRequestedClose. `method`: of `multiprocessing.get_context`: 'fork',
    'spawn', 'forkserver'; None: the default one. Under the latter two target and arguments are pickled; closures need cloudpickle.

    `name` is shown in errors. `stop`: StopOptions, how long a worker may take to end. `link`: LinkOptions. A worker that is garbage is stopped, and
    so is one that is alive when this process ends; one whose host dies is ended.

    `stop`, `join`, `terminate`, `kill`, `is_alive`, `pid` and `exit_status` may be used by any thread.
    """

    def __init__(self, target, messenger_type=PriorityMessenger, method=None, *, name=None, stop=None, link=None):
        check_options(messenger_type, stop, link)
        self.target = target
        self.method = method
        self._context = multiprocessing.get_context(method)
        self._proc = None
        name = name or getattr(target, "__name__", None) or type(target).__name__
        stop = stop or _core.StopOptions()
        worker = _core.AdoptedWorker(messenger_type._reorders, name, stop, link or _core.LinkOptions())
        super().__init__(worker, name, messenger_type, stop)

    def start(self, **kwargs):
        """Start the worker; `kwargs` are the target's.

        Messengers among them that were not used yet, and lists, tuples and dicts of such, are handed over to the worker, and closed here. Raises WorkerIsAlreadyAliveError, StartError,
        and what pickling raises.
        """
        self._check_not_alive()
        self._reap()
        end = self._worker.new_link()
        proc = self._context.Process(target=Start(self.target, self.messenger_type, end, kwargs))
        joins = threading.Lock()
        try:
            with interrupts.held_back_from_child(self._context.get_start_method()):
                proc.start()
                self._worker.adopt(proc.pid, lambda: _exit_code(proc, joins))
        finally:
            end.close()
        _close_handed_over(kwargs.values())
        self._proc = proc
        self._has_started()

    @property
    def proc(self):
        """The `multiprocessing.Process`, of the running worker or of the last one."""
        if self._proc is None:
            raise WorkerIsDeadError(f"worker {self._name!r} was never started and has no process: call start()")
        return self._proc

    _target_name = "target"

    def __repr__(self):
        return (
            f"{type(self).__name__}({self._target_name}={self.target!r}, messenger_type={self.messenger_type!r}, "
            f"method={self.method!r}, _proc={self._proc!r}, _messenger={self._messenger!r})"
        )

    def _reap(self):
        # The core has looked how it ended, and left it to multiprocessing.
        if self._proc is not None and self._proc._parent_pid == os.getpid() and not self._proc._closed:
            self._proc.join()


def _close_handed_over(arguments):
    """Ends of pairs that are the worker's now."""
    for argument in arguments:
        if isinstance(argument, dict):
            argument = list(argument.values())
        several = argument if isinstance(argument, (list, tuple)) else [argument]
        if all(isinstance(each, _core.Messenger) for each in several):
            for end in several:
                if end._held is not None:
                    end.close()


def _exit_code(proc, joins):
    """For the core, when the process has ended and the kernel tells this one nothing: its parent is a server, or it was reaped.

    Threads may ask at the same time, which a Process does not bear.
    """
    if proc._parent_pid != os.getpid():
        return None
    with joins:
        proc.join(1)
        return proc.exitcode
