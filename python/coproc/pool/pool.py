"""A pool of workers that run tasks."""

import atexit
import functools
import operator
import os
import threading
import weakref

from .. import _core
from ..errors import NotOwnerError
from ..main_module import is_of_main
from ..messenger import PriorityMessenger
from ..pickling import dumps
from ..worker_resource import WorkerResource
from .drawn import holds_its_items, length_of
from .functions import Functions
from .insights import PoolInsights
from .results import Progress, Reader, Results
from .task import Task
from .worker import CALL, ONE, SEVERAL, serve
from .worker_maker import WorkerMaker

_MOST_SECONDS = 10**8  # that a timer of the kernel takes without a doubt
#: Of each direction of a worker's link: results of many small tasks wait there while the host does something else.
_RING_BYTES = 256 << 10


class Pool:
    """Workers that run tasks, which are calls of functions.

        with coproc.Pool() as pool:                       # as many workers as processors
            squares = pool.map(lambda x: x * x, range(1000))
            task = pool.submit(resize, image, width=640)

    Functions, arguments and results are pickled. Closures need cloudpickle.

    The pool has no thread of its own, unless `background` is true: a thread that waits for a result, or looks, hands
    out tasks and takes in results, for all users of the pool. Between such calls the workers go on with the tasks that
    they have. Any number of threads may use one pool at once. The thread that reads the results of a map also reads the
    input of the map.

    A worker that dies is replaced. The task that it ran fails with WorkerDiedError, unless `max_retries` lets it run
    again; other tasks are not affected. If workers end again and again before they can run anything, for example
    because `init` raises, all waiting tasks fail with PoolBrokenError, and the next call starts workers again.

    Leaving the `with` block calls `stop()`, which cancels all tasks that have not ended. `join()` waits for them first.

    A process that is forked from this one can do nothing with its copy of the pool: calls raise NotOwnerError, but for
    `stop`, which does nothing.

    :param n: The number of workers. None, the default, stands for the number of processors that this process may use by
        its affinity mask and its control groups.
    :param verbose: of no effect, for code of the old package
    :param messenger_type: of no effect, for code of the old package
    :param init: A function that runs in each worker before its first task. Its result, unless it is None, is the first
        argument of every task and of `exit`.
    :param init_args: the arguments of `init`
    :param exit: A function that runs in each worker that is asked to end. What it raises is printed on stderr.
    :param tasks_per_worker: the number of tasks after which a worker is replaced by a new one; 0 stands for never
    :param memory_per_worker: A worker that has more resident bytes than this at the end of a task is replaced. 0 stands
        for no limit.
    :param window: The number of tasks that a worker has at a time. 0 stands for as many as take about 25 ms, but at
        least one.
    :param pin: Whether each worker is bound to one processor. Workers take the processors in turns.
    :param background: Whether the pool has a thread that hands out tasks and takes in results, for programs that submit
        tasks and do other things. It also calls the callbacks of tasks.
    :param method: 'fork', 'spawn' or 'forkserver', as in `multiprocessing.get_context`; None, the default, for
        multiprocessing's default
    :param stop: StopOptions, which say how long a worker may take to end; None, the default, for `StopOptions()`
    :param link: The LinkOptions of each worker's link. None, the default, stands for rings of 256 KiB.
        `max_queued_bytes` also bounds the unread results of a map, and those of all submitted tasks together.
    :param seed: If it is given, `this_worker.seed()` follows from it and the worker's place, so that a run can be
        repeated. None, the default: each start has another seed.
    :raises TypeError: if an argument is of the wrong type
    :raises ValueError: if a number is too small, or there is no such method
    """

    def __init__(
        self, n=None, verbose=False, messenger_type=PriorityMessenger, *, init=None, init_args=(), exit=None,
        tasks_per_worker=0, memory_per_worker=0, window=0, pin=False, background=False, method=None,
        stop=None, link=None, seed=None,
    ):  # fmt: skip
        if n is not None and _whole("n", n) < 1:
            raise ValueError(f"a pool has one worker at least, not {n}")
        for name, count in (
            ("tasks_per_worker", tasks_per_worker),
            ("memory_per_worker", memory_per_worker),
            ("window", window),
        ):
            if _whole(name, count) < 0:
                raise ValueError(f"{name}: 0, for no limit, or more, not {count}")
        for name, function in (("init", init), ("exit", exit)):
            if function is not None and not callable(function):
                raise TypeError(f"{name}: a function or None, not {function!r}")
        self.verbose = verbose
        self.stop_options = stop or _core.StopOptions()
        self._link = link or _core.LinkOptions(ring_bytes=_RING_BYTES)
        self._new_worker = functools.partial(
            WorkerResource,
            serve,
            PriorityMessenger,
            method,
            name="pool worker",
            stop=self.stop_options,
            link=self._link,
            seed=seed,
        )
        self._target_kwargs = {"init": init, "init_args": tuple(init_args), "exit": exit}
        self._processors = sorted(os.sched_getaffinity(0)) if pin else [None]
        self._limits = {"window": window, "tasks_per_worker": tasks_per_worker, "memory_per_worker": memory_per_worker}
        self._background = bool(background)
        self.workers = [self._new_worker(number=number) for number in range(n or _core.usable_processors())]
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._kernel = self._functions = None

    # ---- tasks ----

    def map(self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None):
        """Return `[func(data) for data in datas]`, which all workers compute together.

        Blocks until all results are there.

        :param func: the function
        :param datas: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: the list of the results, in the order of the input
        :raises Exception: the error of the first task of the input that has failed, or what reading the input raised
        :raises WorkerDiedError: in the place of a result: the worker died while it ran this task
        :raises PoolBrokenError: if no worker can be started, or none gets to its first task
        :raises TypeError: if `func` cannot be called, or an option is of the wrong type
        :raises ValueError: if an option is out of range
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        return self._collect(
            self._stretches(func, datas, ONE, True, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def starmap(
        self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None
    ):
        """Return `[func(*data) for data in datas]`, which all workers compute together. See `map`.

        :param func: the function
        :param datas: an iterable of iterables of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: the list of the results, in the order of the input
        :raises Exception: as `map`
        """
        return self._collect(
            self._stretches(func, datas, SEVERAL, True, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def imap(self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None):
        """Return an iterator over `func(data) for data in datas`, in the order of the input.

        Tasks are handed out at once, and results can be read as they come. The input may be endless: it is read only as
        far ahead as the workers need. An error is raised in the place of its result, and `next` goes on behind it.

        :param func: the function
        :param datas: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: Results, whose `next` blocks until there is one, and raises what `map` does
        :raises TypeError: if `func` cannot be called, or an option is of the wrong type
        :raises ValueError: if an option is out of range
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        return Results(
            self._stretches(func, datas, ONE, True, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def map_unordered(
        self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None
    ):
        """Return an iterator over `func(data) for data in datas`, in the order in which the results come. See `imap`.

        :param func: the function
        :param datas: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: Results, whose `next` blocks until there is one, and raises what `map` does
        :raises Exception: as `imap`
        """
        return Results(
            self._stretches(func, datas, ONE, False, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def submit(self, func, /, *args, **kwargs):
        """Hand over the call `func(*args, **kwargs)`. Does not wait.

        :param func: the function
        :param args: its arguments
        :param kwargs: its keyword arguments
        :return: the Task, which has the result
        :raises TypeError: if `func` cannot be called
        :raises StartError: if the workers cannot be started, which the first call does
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        :raises Exception: what pickling the function or the arguments raises
        """
        return self.submit_with({}, func, *args, **kwargs)

    def submit_with(self, options, func, /, *args, **kwargs):
        """Hand over the call `func(*args, **kwargs)` with options. See `submit`.

        :param options: a dict with `time_limit` and `max_retries`, which are those of `map`
        :param func: the function
        :param args: its arguments
        :param kwargs: its keyword arguments
        :return: the Task, which has the result
        :raises TypeError: if `func` cannot be called, or there is no such option
        :raises ValueError: if an option is out of range
        :raises Exception: as `submit`
        """
        for name in options:
            if name not in ("time_limit", "max_retries"):
                raise TypeError(
                    f"submit_with() got an unexpected option {name!r}: it takes 'time_limit' and 'max_retries'"
                )
        kernel, function, names = self._function(func, CALL, **options)
        time_limit, max_retries = options.get("time_limit"), options.get("max_retries", 0)
        return Task(kernel, kernel.submit(function, (args, kwargs), names(), time_limit, max_retries))

    # ---- life ----

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

    # ---- inside ----

    def _started(self):
        if self._pid != os.getpid():
            raise NotOwnerError(
                f"this pool belongs to process {self._pid}, from which this one was forked: make another one here"
            )
        with self._lock:
            if self._kernel is None:
                make_worker = WorkerMaker(self.workers, self._new_worker, self._target_kwargs, self._processors)
                self._kernel = _core.PoolKernel(
                    workers=len(self.workers),
                    make_worker=make_worker,
                    stop=self.stop_options,
                    link=self._link,
                    background=self._background,
                    **self._limits,
                )
                if self._background:
                    _with_threads.add(self)
                self._functions = Functions(self._kernel)
            return self._kernel

    def _stop(self, options):
        if self._pid != os.getpid():
            return  # the workers are another process's
        with self._lock:
            kernel, self._kernel, self._functions = self._kernel, None, None
        if kernel is not None:
            kernel.stop(options)
            for worker in self.workers:
                worker._reap()

    def _main_names(self):
        """What all workers have of the main module: a worker that was started later has that, too."""
        names = [worker._main_names for worker in self.workers]
        return None if None in names else min(names, key=operator.attrgetter("number"))

    def _function(self, func, mode, time_limit=None, max_retries=0):
        if not callable(func):
            raise TypeError(f"a pool runs functions, and {func!r} cannot be called")
        if time_limit is not None and not 0 < time_limit <= _MOST_SECONDS:
            raise ValueError(f"time_limit: a positive number of seconds, at most {_MOST_SECONDS}, not {time_limit!r}")
        if _whole("max_retries", max_retries) < 0:
            raise ValueError(f"max_retries: 0 or more, not {max_retries}")
        kernel = self._started()
        names = self._main_names()
        is_known = (
            names is not None and is_of_main(func) and names.has(func)
        )  # a question for one is cheaper than for all that there are
        data = bytes([mode]) + dumps(func, None if is_known else names)
        with self._lock:
            if self._kernel is not kernel:  # another thread has stopped it
                return kernel, kernel.new_function(data), self._main_names
            return kernel, self._functions.get(data), self._main_names

    def _stretches(self, func, datas, mode, is_ordered, chunksize, time_limit, max_retries, stop_on_error, progress):
        if chunksize is not None and _whole("chunksize", chunksize) < 1:
            raise ValueError(f"chunksize: at least 1, not {chunksize}")
        if progress is not None and progress is not True and progress is not False and not callable(progress):
            raise TypeError(f"progress: a function of (done, total), or True for a bar, not {progress!r}")
        kernel, function, names = self._function(func, mode, time_limit, max_retries)
        job = kernel.map(
            function,
            iter(datas),
            names,
            not holds_its_items(datas),
            is_ordered,
            chunksize or 0,
            time_limit,
            max_retries,
            stop_on_error,
        )
        return Reader(job, Progress(progress, length_of(datas)))

    @staticmethod
    def _collect(stretches):
        results = []
        try:
            for stretch in stretches:
                if isinstance(stretch, BaseException):
                    raise stretch
                results += stretch
            return results
        finally:
            stretches.close()
            stretch = None  # the error's traceback holds this frame


#: Pools whose thread would ask for the interpreter's lock while the interpreter ends, and never get it.
_with_threads = weakref.WeakSet()


@atexit.register
def _stop_threads():
    for pool in list(_with_threads):
        pool.stop()


def _whole(name, value):
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: a whole number, not {value!r}") from None
