"""What all workers have in common: how they end, and what is known of them."""

import gc
import os
import time
import weakref
from multiprocessing import util

from .. import _core
from ..array import note_latest
from ..errors import WorkerIsAlreadyAliveError, WorkerIsAlreadyDeadError, WorkerIsDeadError
from ..messenger.messenger import Messenger


def check_options(messenger_type, stop, link):
    if not (isinstance(messenger_type, type) and issubclass(messenger_type, Messenger)):
        raise TypeError(
            f"messenger_type: PriorityMessenger, MultiMessenger or a class of these, not {messenger_type!r}"
        )
    for name, options, kind in (("stop", stop, _core.StopOptions), ("link", link, _core.LinkOptions)):
        if options is not None and not isinstance(options, kind):
            raise TypeError(f"{name}: {kind.__name__} or None, not {options!r}")


class Life:
    """A worker's life, over the core's worker `self._worker`. `stop`, `join`, `terminate`, `kill`, `is_alive`, `pid` and `exit_status` may be used
    by any thread."""

    def __init__(self, worker, name, messenger_type, stop):
        self.messenger_type = messenger_type
        self.stop_options = stop
        self._worker = worker
        self._name = name
        self._messenger = None
        self._has_link = False  # which its messenger may be there without: see prepared.py

    def __enter__(self):
        """Start the worker without arguments."""
        self.start()
        return self

    def __exit__(self, *_):
        """As `stop`."""
        self.stop()

    # ---- ending ----

    def stop(self, close=None, terminate=None, kill=None):
        """End the worker and return its ExitStatus: a close request, then SIGTERM, then SIGKILL, each when the one before has not helped.

        Seconds to wait after each; None: those of the constructor. What the worker had sent stays receivable until the next start. An exception that has
        left the target and that no receive has raised is printed, with its traceback.
        """
        self._check_started("stop")
        times = self.stop_options
        status = self._worker.stop(
            _core.StopOptions(
                times.close if close is None else close,
                times.terminate if terminate is None else terminate,
                times.kill if kill is None else kill,
            )
        )
        self._reap()
        self._worker.tell()
        return status

    def join(self, check_alive=True, timeout=None):
        """Wait for the worker to end by itself, and return its ExitStatus; None: it is still alive after `timeout` seconds.

        It asks for nothing: `stop` does. `check_alive` False: a worker that never started is no error.
        """
        if not isinstance(check_alive, bool):
            raise TypeError(f"join: say timeout={check_alive!r}: the first argument is `check_alive`, True or False")
        if not self._check_started("join", check_alive):
            return None
        status = self._worker.join(timeout)
        if status is not None:
            self._reap()
        return status

    def finish(self, timeout=None):
        """Let the worker end after what it was sent, and return its ExitStatus: `messenger.send_end()`, then the wait for its end.

        After `timeout` seconds in all a worker that is alive is stopped, as by `stop`. Of the thread that uses the messenger.
        """
        self._check_started("finish")
        end = None if timeout is None else time.monotonic() + timeout
        try:
            if self._worker.exit_status is None:
                self._messenger.send_end(timeout=timeout)
                self.join(timeout=None if end is None else max(0, end - time.monotonic()))
        except (TimeoutError, WorkerIsDeadError):
            pass  # it takes nothing any more, or has ended by itself
        return self.stop()

    def terminate(self, check_alive=True):
        """Send SIGTERM, and do not wait. WorkerIsAlreadyDeadError: it is not alive; with `check_alive` False that is no error."""
        if not self._check_started("terminate", check_alive):
            return
        if check_alive and not self.is_alive():
            raise WorkerIsAlreadyDeadError(f"terminate: worker {self._name!r} (pid {self.pid}) has ended")
        self._worker.terminate()

    def kill(self):
        """Send SIGKILL, and do not wait."""
        self._check_started("kill")
        self._worker.kill()

    # ---- looking ----

    def is_alive(self):
        """Whether its process is there."""
        return self._messenger is not None and self._worker.is_alive()

    def process_exists(self):
        """Whether it was ever started."""
        return self._messenger is not None

    @property
    def pid(self):
        """Of the running worker, or of the last one."""
        self._check_has_started("process")
        return self._worker.pid

    @property
    def exit_status(self):
        """How the last one ended, an ExitStatus; None: it is alive, or never started."""
        return None if self._messenger is None else self._worker.exit_status

    @property
    def messenger(self):
        """The host's end of the link: one object for all the runs of this worker."""
        self._check_has_started("messenger")
        return self._messenger

    # ---- for the kinds of workers ----

    def _check_not_alive(self):
        if self.is_alive():
            raise WorkerIsAlreadyAliveError(
                f"worker {self._name!r} (pid {self.pid}) is alive: stop it before it is started again"
            )
        if self._messenger is not None:
            self._worker.tell()  # of the last run

    def _has_started(self, **messenger_options):
        if not self._has_link:
            messenger = self.messenger_type(**messenger_options) if self._messenger is None else self._messenger
            self._worker.fill(messenger)
            self._messenger = messenger
            self._has_link = True
        self._worker.begin_run()
        self._messenger._forget_left()
        self._messenger._look_again()
        note_latest(self._messenger)
        _stop_at_exit(self._worker)

    def _reap(self):
        """What has ended."""

    def _check_started(self, what, is_error=True):
        if self._messenger is None and is_error:
            raise WorkerIsAlreadyDeadError(f"{what}: worker {self._name!r} was never started")
        return self._messenger is not None

    def _check_has_started(self, what):
        if self._messenger is None:
            raise WorkerIsDeadError(f"worker {self._name!r} was never started and has no {what}: call start()")


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
    living = [worker for worker in started if worker.is_alive()]
    if living:
        _core.stop_all(living, _core.StopOptions())
    for worker in started:
        worker.tell()
    _core.wait_for_ending()


os.register_at_fork(after_in_child=lambda: _started.clear())


def _note_collector(phase, _):
    _core.note_collector(phase == "start")


# A worker that is garbage is waited for, but not within the collector, which may run in any line.
gc.callbacks.append(_note_collector)
