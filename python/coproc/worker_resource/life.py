"""The common base class of all kinds of workers: how they end, and what is known about them."""

import gc
import os
import time
import weakref
from multiprocessing import util

from .. import _core
from ..array import note_latest
from ..errors import WorkerIsAlreadyAliveError, WorkerIsAlreadyDeadError, WorkerIsDeadError
from ..messenger.messenger import Messenger
from ..timeouts import check_timeout
from . import environment


#: How many seconds a start may take that the core waits for, of a program, and of an interpreter that imports modules.
START_SECONDS, START_WITH_IMPORTS_SECONDS = 10, 60


def check_options(
    messenger_type, stop, link, env=None, sandbox=None, limits=None, machine=None, control_group=None
):  # fmt: skip
    """Raise TypeError or ValueError unless these arguments of a worker are valid."""
    if not (isinstance(messenger_type, type) and issubclass(messenger_type, Messenger)):
        raise TypeError(
            f"messenger_type: PriorityMessenger, MultiMessenger or a class of these, not {messenger_type!r}"
        )
    for name, options, kind in (
        ("stop", stop, _core.StopOptions),
        ("link", link, _core.LinkOptions),
        ("sandbox", sandbox, _core.Sandbox),
        ("limits", limits, _core.Limits),
        ("machine", machine, _core.Machine),
    ):
        if options is not None and not isinstance(options, kind):
            raise TypeError(f"{name}: {kind.__name__} or None, not {options!r}")
    if not isinstance(control_group, (str, os.PathLike, type(None))):
        raise TypeError(f"control_group: the path of a directory or None, not {control_group!r}")
    environment.check(env)


class Life:
    """The life of a worker, on top of the core's worker `self._worker`.

    `stop`, `join`, `terminate`, `kill`, `is_alive`, `pid`, `exit_status` and `stack` may be used by any thread.
    """

    _is_restarting = False

    def __init__(self, worker, name, messenger_type, stop):
        self.messenger_type = messenger_type
        self.stop_options = stop
        self._worker = worker
        self._name = name
        self._messenger = None
        self._has_link = False  # there may be a messenger without a link (prepared.py)

    def __enter__(self):
        """Start the worker without arguments, as by `start`."""
        self.start()
        return self

    def __exit__(self, *_):
        """End the worker, as by `stop`."""
        self.stop()

    # ---- ending ----

    def stop(self, close=None, terminate=None, kill=None):
        """End the worker: by a close request, then by SIGTERM, then by SIGKILL. Blocks until it has ended.

        Each step follows if the step before has not ended the worker in its time. Messages of the worker stay
        receivable until the next start. If an exception has left the target and no receive has raised it, it is printed
        on stderr. If the worker has ended already, this only returns its status. May be called by any thread.

        :param close: The seconds to wait after the close request; 0: do not wait. None, the default, stands for the
            value in the StopOptions of the constructor, here and below.
        :param terminate: the seconds to wait after SIGTERM
        :param kill: the seconds to wait after SIGKILL; then this returns, although the process is still there
        :return: the ExitStatus of the worker
        :raises WorkerIsAlreadyDeadError: if the worker was never started
        """
        self._require_start("stop")
        self._make_final()
        times = self.stop_options
        status = self._worker.stop(
            _core.StopOptions(
                times.close if close is None else close,
                times.terminate if terminate is None else terminate,
                times.kill if kill is None else kill,
            )
        )
        self._reap()
        self._worker.print_unreported()
        return status

    def join(self, check_alive=True, timeout=None):
        """Wait for the worker to end by itself. Blocks until then.

        This does not ask the worker to end: `stop` and `finish` do. May be called by any thread.

        :param check_alive: whether it is an error if the worker was never started; True by default
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the ExitStatus of the worker; None if it is still alive after `timeout` or, with `check_alive` False,
            was never started
        :raises WorkerIsAlreadyDeadError: with `check_alive`, if the worker was never started
        :raises TypeError: if `check_alive` is not a bool
        """
        if not isinstance(check_alive, bool):
            raise TypeError(f"join: say timeout={check_alive!r}: the first argument is `check_alive`, True or False")
        if not check_alive and not self.process_exists():
            return None
        self._require_start("join")
        status = self._worker.join(timeout)
        if status is not None:
            self._reap()
        return status

    def finish(self, timeout=None):
        """Let the worker end after it has received everything that was sent. Blocks until it has ended.

        Calls `messenger.send_end()` and waits. If the worker is still alive after `timeout`, it is stopped as by
        `stop`. Only the thread that uses the messenger may call this.

        :param timeout: The seconds until the worker is stopped. None, the default: it is never stopped.
        :return: the ExitStatus of the worker
        :raises WorkerIsAlreadyDeadError: if the worker was never started
        """
        check_timeout(timeout)
        self._require_start("finish")
        self._make_final()
        end = None if timeout is None else time.monotonic() + timeout
        try:
            if self._worker.exit_status is None:
                self._messenger.send_end(timeout=timeout)
                self.join(timeout=None if end is None else max(0, end - time.monotonic()))
        except (TimeoutError, WorkerIsDeadError):
            pass  # the worker does not receive, or has ended by itself
        return self.stop()

    def terminate(self, check_alive=True):
        """Send SIGTERM to the worker, and do not wait for its end. May be called by any thread.

        :param check_alive: whether it is an error if the worker is not alive; True by default
        :raises WorkerIsAlreadyDeadError: with `check_alive`, if the worker is not alive
        """
        if not check_alive and not self.process_exists():
            return
        self._require_start("terminate")
        if check_alive and not self.is_alive():
            raise WorkerIsAlreadyDeadError(f"terminate: worker {self._name!r} (pid {self.pid}) has ended")
        self._worker.terminate()

    def kill(self):
        """Send SIGKILL to the worker, and do not wait for its end. May be called by any thread.

        :raises WorkerIsAlreadyDeadError: if the worker was never started
        """
        self._require_start("kill")
        self._worker.kill()

    # ---- looking ----

    def is_alive(self):
        """Return whether the process of the worker is running. May be called by any thread."""
        return self._messenger is not None and self._worker.is_alive()

    def process_exists(self):
        """Return whether the worker was ever started: a name of the old package."""
        return self._messenger is not None

    @property
    def pid(self):
        """The number of the process that is running, or of the last one. May be read by any thread.

        :raises WorkerIsDeadError: if the worker was never started
        """
        self._require_attribute("process")
        return self._worker.pid

    @property
    def exit_status(self):
        """How the worker has ended, an ExitStatus; None if it is alive or was never started.

        May be read by any thread.
        """
        return None if self._messenger is None else self._worker.exit_status

    def stack(self, timeout=0.2):
        """Return where each thread of the worker is at this moment: for a worker that seems to hang.

        Blocks until all threads have answered. The worker goes on; but a sleep or a wait for a file or socket of the
        thread that is asked may end early there. The calls are those of the interpreter, in C: `faulthandler` in the
        worker knows the lines in Python. May be called by any thread.

        :param timeout: the seconds to wait for their answers; what has not answered says so in `note`
        :return: a list of ThreadStacks; the first thread is the first one
        :raises WorkerDiedError: if the worker has ended
        :raises WorkerIsDeadError: if it was never started
        :raises ValueError: if it runs on another machine
        """
        self._require_attribute("stack")
        return self._worker.stack(timeout)

    def confinement(self):
        """Return what the system enforces of the sandbox and the limits of the worker that was started last.

        :return: a Confinement
        :raises WorkerIsDeadError: if the worker was never started, or has ended before it was confined
        """
        self._require_attribute("confinement")
        return self._confinement()

    @property
    def messenger(self):
        """The host's end of the link. It is one object for all runs of this worker.

        :raises WorkerIsDeadError: if the worker was never started
        """
        self._require_attribute("messenger")
        return self._messenger

    # ---- for the kinds of workers ----

    def _require_no_run(self):
        """Raise WorkerIsAlreadyAliveError if the worker is alive."""
        if self.is_alive():
            raise WorkerIsAlreadyAliveError(
                f"worker {self._name!r} (pid {self.pid}) is alive: stop it before it is started again"
            )
        if self._messenger is not None:
            self._worker.print_unreported()  # prints the exception of the last run

    def _note_start(self, **messenger_options):
        """Give the messenger its link, if it has none yet, and begin a new run."""
        if not self._has_link:
            messenger = self.messenger_type(**messenger_options) if self._messenger is None else self._messenger
            self._worker.fill(messenger)
            self._messenger = messenger
            self._has_link = True
        self._worker.begin_run()
        self._messenger._look_again()
        if not self._is_restarting:
            note_latest(self._messenger)
        _stop_at_exit(self._worker)

    def _make_final(self):
        """Keep the worker from being started again when it ends. For those that are."""

    def _reap(self):
        """Reap the process, if it has ended. For workers of multiprocessing."""

    def _require_start(self, call):
        if self._messenger is None:
            raise WorkerIsAlreadyDeadError(f"{call}: worker {self._name!r} was never started")

    def _require_attribute(self, name):
        if self._messenger is None:
            raise WorkerIsDeadError(f"worker {self._name!r} was never started and has no {name}: call start()")


# ---- at the end of this process ----

_started = weakref.WeakSet()
_pid_of_finalizer = None


def _stop_at_exit(worker):
    global _pid_of_finalizer
    _started.add(worker)
    if _pid_of_finalizer != os.getpid():
        # Before multiprocessing waits, without limit, for the children that are left.
        util.Finalize(None, _stop_all, exitpriority=100)
        _pid_of_finalizer = os.getpid()


def _stop_all():
    started = list(_started)
    for worker in started:
        worker.make_final()  # one that is dead now may be one that another thread starts again
    living = [worker for worker in started if worker.is_alive()]
    if living:
        _core.stop_all(living, _core.StopOptions())
    for worker in started:
        worker.print_unreported()
    _core.wait_for_ending()


os.register_at_fork(after_in_child=lambda: _started.clear())


def _note_collector(phase, _):
    _core.note_collector(phase == "start")


# A worker that is garbage is waited for, but not within the collector, which may run in any line.
gc.callbacks.append(_note_collector)
