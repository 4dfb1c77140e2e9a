"""A worker that is started again when it ends. The core decides when (core/restarts.cpp), and this starts it."""

import dataclasses
import threading

from .. import _core
from ..errors import StartError, WorkerIsDeadError
from ..messenger import PriorityMessenger
from .kept_arguments import KeptArguments
from .restart import options_of
from .worker_resource import WorkerResource


@dataclasses.dataclass(init=False, repr=False, eq=False)
class Supervised(WorkerResource):
    """A worker that is started again when it ends, with the same arguments and behind the same messenger.

        def index(messenger, path): ...

        with coproc.Supervised(index, restart={"most": 10, "pending": "resend"}) as worker: ...

        worker = coproc.Supervised(index, name="indexer")
        worker.start(path="/data")
        worker.messenger.send_request("fox")

    No thread watches it. Whoever waits drives: the call of the messenger that finds the worker dead first returns all
    that the worker had sent, then waits for the backoff, starts another worker, and raises WorkerDiedError once, or
    with 'resend' goes on. The next call is one to the new worker. docs/supervision.md says what becomes of each
    message, and which calls drive. In an event loop the receives for asyncio drive, too: a backoff does not block the
    loop, and a start does, as `start` does.

    It is a WorkerResource, and everything else is as there. `kill` and `terminate` end the present worker, and the next
    call that drives starts another one. `join` waits for the end of the present worker, and starts none. When this
    object is garbage the worker is not started again, even if its messenger is kept.

    :param target: what the worker calls, with a messenger and the keyword arguments of `start`
    :param messenger_type: PriorityMessenger, the default, or MultiMessenger
    :param method: 'fork', 'spawn' or 'forkserver'; None, the default, for multiprocessing's default
    :param restart: When it is started again: RestartOptions, or a dict of their members. None, the default, for
        `RestartOptions()`. The attribute `restart_options` is a copy of them.
    :param name: the name of the worker in errors; None, the default, stands for the name of the target
    :param stop: the StopOptions of the worker; None, the default, for `StopOptions()`
    :param link: the LinkOptions of the link; None, the default, for `LinkOptions()`
    :param number: The result of `this_worker.number()` in each of its workers. None, the default, stands for the number
        of workers that this process has started before, so that each has another one.
    :param seed: what `this_worker.seed()` follows from, as in WorkerResource
    :param env: environment variables that the worker sets, as in WorkerResource
    :param capture_stderr: whether what the worker prints to stderr goes to this process, as in WorkerResource
    :param events: how many events the worker keeps for `exit_status.last_events`, as in WorkerResource; 0 by default
    :param sandbox: the Sandbox of the worker, as in WorkerResource; None, the default, for none
    :param limits: the Limits on what the worker may use; None, the default, for none
    :param control_group: the directory in which each worker is put into a control group of its own, as in
        WorkerResource; None, the default, for none
    :param trust_pickle: whether messages of a worker in a sandbox may be pickles, as in WorkerResource
    :param machine: the Machine on which the worker runs; None, the default, for this one
    :param start_timeout: how many seconds a start waits for a worker on another machine; 60 by default; None: for ever
    :raises TypeError: if an option is of another type
    :raises ValueError: if the restart options cannot work, such as delays so long that there are never `most` restarts
        `within` the time; and for what WorkerResource refuses
    """

    def __init__(self, target, messenger_type=PriorityMessenger, method=None, *, restart=None, **options):
        super().__init__(target, messenger_type, method, **options)
        self.restart_options = self._given["restart"] = options_of(restart)
        self._kept = None
        self._is_final = False
        self._worker.supervise(self)

    def start(self, **kwargs):
        """Start the worker, as `WorkerResource.start` does, and keep the arguments for its restarts.

        They are copied by this call, so that what is done with them later does not reach the next worker. Functions,
        classes, modules, files, sockets, and the queues, locks, pipes and shared memory of multiprocessing are not
        copied: all workers get the same. Counts of restarts and delays begin anew.

        :param kwargs: the keyword arguments of the target
        :raises WorkerIsAlreadyAliveError: if the worker is alive
        :raises TypeError: if an argument cannot be copied, as a lock of `threading`, or is a messenger
        :raises Exception: what `WorkerResource.start` raises; then nothing is started again
        """
        self._require_no_run()
        kept = KeptArguments(kwargs, self._name)
        self._worker.start_supervised(self, lambda: self._start_process(kwargs))
        self._kept = kept
        self._is_final = False

    def look(self):
        """Look after the worker once, as a call that waits does, for programs that wait elsewhere.

        It looks at the worker's health, ends it if it hangs, and starts another one if that is due, and blocks for that
        long. The awaited calls of the messenger do so by themselves while they wait. Call it in a thread that may use
        the messenger.

        :return: after how many seconds to call it again; None: there is nothing to look at
        :raises Exception: what a send raises: WorkerDiedError once for each end
        """
        return None if self._messenger is None else self._messenger._look()

    def history(self):
        """Return the last 32 restarts, oldest first: a list of Restarts. Any thread may call this. Does not block."""
        return self._worker.history()

    def _make_final(self):
        if self._is_restarting == threading.get_ident():
            self._is_final = True  # a signal handler, within a restart, which must not be waited for
        else:
            self._worker.make_final()

    # ---- called by the core ----

    def _start_again(self):
        """Start the worker by the same way as the first time, with a copy of the arguments."""
        self._is_restarting = threading.get_ident()
        try:
            if not self._is_final:
                self._start_process(self._kept.get())
        finally:
            self._is_restarting = False
        if self._is_final:
            self._worker.stop(_core.StopOptions(0, 0))
            raise WorkerIsDeadError(f"worker {self._name!r} was stopped, and is not started again: call start()")

    def _say_why_not(self, error):
        """Return the parts of the core's StartError for this exception: the stage, errno and the text."""
        if isinstance(error, StartError):
            return error.stage or "start", error.error_number, str(error).removeprefix("worker ")
        text = f"{self._name!r} could not be started again: {type(error).__name__}: {error}"
        return "start", getattr(error, "errno", None) or 0, text


Supervised._plain = Supervised
