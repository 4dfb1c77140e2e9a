"""The life of a pool: how its workers are made, started and ended, and what can be seen of them."""

import atexit
import functools
import operator
import os
import threading
import weakref

from .. import _core
from ..errors import NotOwnerError
from ..messenger import PriorityMessenger
from ..worker_resource import WorkerResource
from .functions import Functions
from .insights import PoolInsights
from .worker import serve
from .worker_maker import WorkerMaker


class PoolLife:
    """The workers of a pool, and the kernel in the core that drives them between a start and a stop."""

    def __init__(self, count, target_kwargs, limits, *, name, given, pin, background, method, stop, link, seed, boxed,
                 machines, retries_unfenced, start_timeout):  # fmt: skip
        self.stop_options = stop
        self._name = name
        self._link = link
        self._machines = machines
        self._retries_unfenced = retries_unfenced
        self._new_worker = functools.partial(
            _new_worker, machines, method=method, name=name, stop=stop, link=link, seed=seed,
            start_timeout=start_timeout, **given, **boxed,
        )  # fmt: skip
        self._unpickles = boxed["sandbox"] is None or boxed["trust_pickle"]
        self._target_kwargs = target_kwargs
        self._processors = sorted(os.sched_getaffinity(0)) if pin else [None]
        self._limits = limits
        self._background = background
        self.workers = [self._new_worker(number=number) for number in range(count)]
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._kernel = self._functions = None

    # ---- starting and ending ----

    def start(self):
        """Start the workers. If it is not called, the first task starts them.

        Blocks until the processes are there; it does not wait for `init`. Does nothing if they are there already.

        :raises StartError: if a worker cannot be started
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        self._started()

    def stop(self):
        """End the workers, and wait for their ends as long as `stop_options` say.

        Idle workers are asked to close, so that their `exit` runs. Workers in the middle of a task get SIGTERM at once.
        Tasks that have not ended are cancelled: TaskCancelledError. A later task starts workers again.
        """
        self._stop(self.stop_options)

    def join(self):
        """Wait until every submitted task has ended, then `stop()`.

        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        self.wait()
        self.stop()

    def terminate(self, check_alive=True):
        """End the workers as `stop` does, but do not wait for their `exit`: SIGTERM follows the close request at once.

        :param check_alive: of no effect, for code of the old package
        """
        self._stop(_core.StopOptions(close=0))

    def wait(self, timeout=None):
        """Wait until every submitted task has ended.

        :param timeout: the most seconds to wait; None, the default, for no limit
        :return: whether all have ended
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        kernel = self._kernel
        return kernel is None or kernel.wait(timeout)

    def interrupt(self):
        """Make the present wait for this pool, or else the next one, raise InterruptedError. Does not wait.

        It ends one wait, of any thread, and loses nothing: the wait can be repeated. A `map` and a `starmap` that are
        ended in this way are given up. May be called by any thread. Does nothing if the workers were not started.
        """
        kernel = self._kernel
        if kernel is not None:
            kernel.interrupt()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- looking ----

    def __iter__(self):
        """Return an iterator over the workers, which are WorkerResources."""
        return iter(self.workers)

    def __len__(self):
        return len(self.workers)

    def pending(self):
        """Return the number of tasks that were handed over and have not ended.

        :return: the number
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        kernel = self._kernel
        return 0 if kernel is None else kernel.pending()

    def is_alive(self):
        """Return whether all workers are alive."""
        return all(worker.is_alive() for worker in self.workers)

    def pids(self):
        """Return the process ids of the workers that are alive."""
        return [worker.pid for worker in self.workers if worker.is_alive()]

    def insights(self):
        """Return PoolInsights: statistics of each worker, and the slowest tasks, since the workers were started.

        :return: the PoolInsights, which is empty if the workers were not started
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        kernel = self._kernel
        return PoolInsights([], [], "") if kernel is None else PoolInsights(*kernel.insights())

    def __reduce__(self):
        raise TypeError("a pool cannot go to another process: its workers are this one's")

    def __repr__(self):
        tasks = f"{self.pending()} tasks pending" if self._pid == os.getpid() else f"of process {self._pid}"
        return f"<coproc.Pool of {len(self.workers)} workers, {tasks}>"

    # ---- the kernel ----

    def _check_owner(self):
        if self._pid != os.getpid():
            raise NotOwnerError(
                f"this pool belongs to process {self._pid}, from which this one was forked: make another one here"
            )

    def _started(self):
        self._check_owner()
        with self._lock:
            if self._kernel is None:
                make_worker = WorkerMaker(self.workers, self._new_worker, self._target_kwargs, self._processors)
                self._kernel = _core.PoolKernel(
                    workers=len(self.workers),
                    name=self._name,
                    make_worker=make_worker,
                    stop=self.stop_options,
                    link=self._link,
                    background=self._background,
                    unpickles=self._unpickles,
                    machines=self._machines,
                    retries_unfenced=self._retries_unfenced,
                    **self._limits,
                )
                if self._background:
                    _with_threads.add(self)
                self._functions = Functions(self._kernel)
            return self._kernel

    def _stop(self, options):
        if self._pid != os.getpid():
            return  # the workers belong to another process
        with self._lock:
            kernel, self._kernel, self._functions = self._kernel, None, None
        if kernel is not None:
            kernel.stop(options)
            for worker in self.workers:
                worker._reap()

    def _main_names(self):
        """Return the names of the main module that all workers have: those of the worker that was started first."""
        names = [worker._main_names for worker in self.workers]
        return None if None in names else min(names, key=operator.attrgetter("number"))


def _new_worker(machines, number, **options):
    """Return the worker of this place. The machines are dealt to the places in turn."""
    machine = machines[number % len(machines)] if machines else None
    return WorkerResource(serve, PriorityMessenger, number=number, machine=machine, **options)


#: Pools with a thread. While the interpreter ends, the thread would wait for its lock for ever.
_with_threads = weakref.WeakSet()


@atexit.register
def _stop_threads():
    for pool in list(_with_threads):
        pool.stop()
