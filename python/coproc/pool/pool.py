"""A pool of workers that run tasks."""

import collections
import dataclasses
import operator
import os
import sys
import threading
import time

from .. import _core
from ..main_module import is_of_main
from ..messenger import MultiMessenger
from ..pickling import dumps
from ..worker_resource import WorkerResource
from .crew import Crew
from .functions import Call, Functions
from .job import Job, length_of
from .task import Task
from .worker import CALL, ONE, SEVERAL, serve

_MOST_SECONDS = 10**8  # that a timer of the kernel takes without a doubt
#: Results that a lazy map keeps for its reader, at most, before it hands out no further tasks.
_MOST_AHEAD = 100_000


@dataclasses.dataclass
class WorkerInsights:
    """One place of a pool: who works there now, the tasks done there, seconds spent on them by this worker, and how many were replaced."""

    pid: int
    tasks: int
    busy_seconds: float
    replaced: int


class Pool:
    """Workers that run tasks: functions, closures where cloudpickle is installed, with arguments and results that can be pickled.

        with coproc.Pool() as pool:                       # as many workers as processors
            squares = pool.map(lambda x: x * x, range(1000))
            task = pool.submit(resize, image, width=640)

    `n`: workers; None: as many as this process may use processors. `init(*init_args)` runs in each worker before its first task; what it returns, unless it
    is None, is the first argument of every task, and of `exit`, which runs when a worker is asked to end.

    There is no hidden thread: whoever waits for a result hands out tasks and takes in results, for all who use the pool. Between such calls
    workers go on with what they were given. Any number of threads may use one pool at once; the input of a map is read by the thread that reads its results.
    Leaving the `with` block is `stop()`: what has not ended by then is cancelled. `join()` waits for it first.

    A worker that dies is replaced, and only the task that it ran fails, with WorkerDiedError, unless `max_retries` lets it run again. Where workers end
    again and again before they can run anything, or `init` raises: PoolBrokenError; the next call tries anew. `tasks_per_worker`: a worker is
    replaced after so many tasks. `method`, `stop`, `link`, `seed`: as of WorkerResource.
    """

    def __init__(
        self, n=None, verbose=False, messenger_type=MultiMessenger, *, init=None, init_args=(), exit=None, tasks_per_worker=0,
        method=None, stop=None, link=None, seed=None,
    ):  # fmt: skip
        if n is not None and _whole("n", n) < 1:
            raise ValueError(f"a pool has one worker at least, not {n}")
        if _whole("tasks_per_worker", tasks_per_worker) < 0:
            raise ValueError(f"tasks_per_worker: 0, for no limit, or more, not {tasks_per_worker}")
        for name, function in (("init", init), ("exit", exit)):
            if function is not None and not callable(function):
                raise TypeError(f"{name}: a function or None, not {function!r}")
        self.verbose = verbose
        self.stop_options = stop or _core.StopOptions()
        self.workers = [
            WorkerResource(
                serve,
                messenger_type,
                method,
                name="pool worker",
                stop=self.stop_options,
                link=link,
                number=number,
                seed=seed,
            )
            for number in range(n or len(os.sched_getaffinity(0)))
        ]
        self._crew = Crew(
            self.workers,
            {"init": init, "init_args": tuple(init_args), "exit": exit},
            tasks_per_worker,
            self.stop_options,
        )
        self._functions = Functions()
        self._functions_lock = threading.RLock()

    # ---- tasks ----

    def map(self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None):
        """`[func(data) for data in datas]`, by all workers.

        `chunksize`: how many tasks are handed to a worker together; None: as many as take it about 10 ms. Options: `time_limit`, seconds that a task may run, then
        its worker is killed and replaced (by SIGALRM): TaskTimeoutError. `max_retries`: how often a task is run again because its worker died while it
        ran. `stop_on_error`: the first task that fails ends it. `progress`: a function of (done, total or None), called about ten times a second, or True for a bar on stderr.
        Raises the first error in the order of the tasks, when it is its turn.
        """
        return self._collect(
            self._stretches(func, datas, ONE, True, chunksize, None, time_limit, max_retries, stop_on_error, progress)
        )

    def starmap(
        self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None
    ):
        """`[func(*data) for data in datas]`, by all workers."""
        return self._collect(
            self._stretches(
                func, datas, SEVERAL, True, chunksize, None, time_limit, max_retries, stop_on_error, progress
            )
        )

    def imap(self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None):
        """The results in the order of the input, as they come. The input may be endless: it is read only so far ahead as is needed.

        An error is raised in the place of its result; `next` goes on behind it.
        """
        return Results(
            self._stretches(
                func, datas, ONE, True, chunksize, _MOST_AHEAD, time_limit, max_retries, stop_on_error, progress
            )
        )

    def map_unordered(
        self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None
    ):
        """The same in the order in which they come."""
        return Results(
            self._stretches(
                func, datas, ONE, False, chunksize, _MOST_AHEAD, time_limit, max_retries, stop_on_error, progress
            )
        )

    def submit(self, func, /, *args, **kwargs):
        """Hand over one call and return its Task."""
        return self.submit_with({}, func, *args, **kwargs)

    def submit_with(self, options, func, /, *args, **kwargs):
        """The same with a dict of options: `time_limit`, `max_retries`."""
        for name in options:
            if name not in ("time_limit", "max_retries"):
                raise TypeError(
                    f"submit_with() got an unexpected option {name!r}: it takes 'time_limit' and 'max_retries'"
                )
        call = self._call(func, CALL, **options)
        task = Task(self._crew)
        self._crew.add_task(task._job, call, (args, kwargs))
        self._crew.drive()
        return task

    # ---- life ----

    def start(self):
        """Start the workers; else the first task does."""
        self._crew.start()

    def stop(self):
        """End the workers: idle ones are asked to close, so that `exit` runs; those in the middle of a task get SIGTERM. What has not ended is cancelled."""
        self._crew.stop(self.stop_options)

    def join(self):
        """Wait for all tasks, then end the workers."""
        self.wait()
        self.stop()

    def terminate(self, check_alive=True):
        """As `stop`, without waiting for what `exit` does."""
        self._crew.stop(_core.StopOptions(close=0))

    def wait(self, timeout=None):
        """Wait until every submitted task has ended. False: not in this time."""
        return self._crew.drive_until(lambda: self._crew.pending() == 0, timeout)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- looking ----

    def __iter__(self):
        """The workers, WorkerResources."""
        return iter(self.workers)

    def __len__(self):
        return len(self.workers)

    def pending(self):
        """Tasks that were handed over and have not ended."""
        return self._crew.pending()

    def is_alive(self):
        """Whether all workers are there."""
        return all(worker.is_alive() for worker in self.workers)

    def pids(self):
        """The processes that are there just now."""
        return [worker.pid for worker in self.workers if worker.is_alive()]

    def insights(self):
        """A WorkerInsights for each place."""
        return [
            WorkerInsights(slot.worker.pid, slot.total, slot.busy(), slot.replaced)
            for slot in self._crew.slots
            if slot.worker._messenger is not None
        ]

    def __reduce__(self):
        raise TypeError("a pool cannot go to another process: its workers are this one's")

    def __repr__(self):
        return f"<coproc.Pool of {len(self.workers)} workers, {self.pending()} tasks pending>"

    # ---- inside ----

    def _call(self, func, mode, time_limit=None, max_retries=0):
        if not callable(func):
            raise TypeError(f"a pool runs functions, and {func!r} cannot be called")
        if time_limit is not None and not 0 < time_limit <= _MOST_SECONDS:
            raise ValueError(f"time_limit: a positive number of seconds, at most {_MOST_SECONDS}, not {time_limit!r}")
        if _whole("max_retries", max_retries) < 0:
            raise ValueError(f"max_retries: 0 or more, not {max_retries}")
        self._crew.start()
        names = self._crew.main_names()
        is_known = (
            names is not None and is_of_main(func) and names.has(func)
        )  # a question for one is cheaper than for all that there are
        function = dumps(func, None if is_known else names)
        with self._functions_lock:
            if mode == CALL:
                return self._functions.submitted(function, mode, time_limit or 0, max_retries)
            return Call(self._functions.number_of(function), function, mode, time_limit or 0, max_retries)

    def _stretches(
        self, func, datas, mode, is_ordered, chunksize, most_ahead, time_limit, max_retries, stop_on_error, progress
    ):
        if chunksize is not None and _whole("chunksize", chunksize) < 1:
            raise ValueError(f"chunksize: at least 1, not {chunksize}")
        if progress is not None and progress is not True and progress is not False and not callable(progress):
            raise TypeError(f"progress: a function of (done, total), or True for a bar, not {progress!r}")
        call = self._call(func, mode, time_limit, max_retries)
        job = Job(datas, is_ordered, chunksize, stop_on_error, most_ahead)
        self._crew.add_job(job, call)
        return _Reader(self._crew, job, _Progress(progress, length_of(datas)))

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


class _Reader:
    """Lists of results, and exceptions, as they can be read. A read that was interrupted can be repeated."""

    def __init__(self, crew, job, progress):
        self._crew = crew
        self._job = job
        self._progress = progress
        self._is_over = False

    def __iter__(self):
        return self

    def __next__(self):
        job = self._job
        while not self._is_over:
            if job.has_next():
                return job.next_stretch()
            if job.is_finished() or job.is_closed:
                self.close()
                job.raise_what_ended_it()
                break
            self._crew.drive_until(job.has_news, self._progress.period, job)
            self._progress.tell(job.taken)
        raise StopIteration

    def close(self):
        if not self._is_over:
            self._is_over = True
            self._crew.remove_job(self._job)
            self._progress.end(self._job.taken)


class Results:
    """An iterator over results, to be read once. An error is raised in the place of its result, and reading goes on behind it. Several threads may
    read it: each result goes to one of them."""

    def __init__(self, stretches):
        self._stretches = stretches
        self._stretch = collections.deque()
        self._lock = threading.RLock()

    def __iter__(self):
        return self

    def __next__(self):
        with self._lock:
            while not self._stretch:
                found = next(self._stretches)
                if isinstance(found, BaseException):
                    try:
                        raise found
                    finally:
                        found = None  # its traceback holds this frame
                self._stretch.extend(found)
            return self._stretch.popleft()

    def close(self):
        """Hand out no further tasks."""
        self._stretches.close()

    def __del__(self):
        self.close()


class _Progress:
    def __init__(self, function, total):
        is_bar = function is True and sys.stderr is not None and sys.stderr.isatty()
        self._function = _bar if is_bar else None if function is True or function is False else function
        self._total = total
        self._last = 0.0
        self.period = None if self._function is None else 0.1

    def tell(self, done):
        if self._function is not None and time.monotonic() >= self._last + 0.1:
            self._last = time.monotonic()
            self._function(done, self._total)

    def end(self, done):
        if self._function is not None:
            self._function(done, self._total)


def _bar(done, total):
    width = 40
    filled = min(width, width * done // total) if total is not None and total > 0 else 0
    end = "\n" if done == total else ""
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total if total is not None else '?'}{end}")
    sys.stderr.flush()


def _whole(name, value):
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: a whole number, not {value!r}") from None
