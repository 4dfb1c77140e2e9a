"""An executor of `concurrent.futures` whose tasks a pool runs."""

import atexit
import concurrent.futures
import functools
import itertools
import os
import threading
import time
import weakref

from ..errors import NotOwnerError, PoolBrokenError, StartError
from ..timeouts import check_timeout
from .arguments import check_count, check_map, check_task_options, recycle_options
from .failures import is_cancellation
from .initializer import initializer_options
from .pool import Pool


class Executor(concurrent.futures.Executor):
    """A `concurrent.futures.Executor` over a pool with a thread, for programs that are written for that interface.

        with coproc.Executor(4) as executor:
            future = executor.submit(resize, image, width=640)
            small = future.result()

    It can take the place of a `ProcessPoolExecutor`: `concurrent.futures.wait` and `as_completed`,
    `asyncio.wrap_future` and `loop.run_in_executor` take its futures, and it may be used from several threads. These
    things are different:

    - A worker that dies fails only the task that it ran, with WorkerDiedError, and is replaced. `max_retries` runs the
      task again. Only if no worker gets to its first task, for example because `initializer` raises, do all waiting
      tasks fail with PoolBrokenError, which is a `concurrent.futures.BrokenExecutor`; the next `submit` starts workers
      again.
    - `cancel()` of a future also takes back a task that runs: its worker is ended and replaced. The future is cancelled
      at once. It returns False only if the result was there.
    - The pool does not tell when a task begins, so `running()` of a future is False.

    Futures have their results, and call their callbacks, by the thread of the pool. A callback must not wait for
    another future or for `shutdown`.

    :param max_workers: the number of workers, 65,536 at most; None, the default, for as many as this process may use
        processors
    :param mp_context: A context of multiprocessing, whose start method is used; None, the default, for `method`
    :param initializer: A function that runs in each worker before its first task. Its result is dropped. (Pool's option
        `init` hands its result to each task.)
    :param initargs: the arguments of `initializer`
    :param max_tasks_per_child: the number of tasks after which a worker is replaced by a new one; None, the default,
        for never
    :param pool: A Pool with `background=True`, whose tasks these are then. `shutdown` does not stop it, and no option
        of a pool can be given. None, the default, makes a pool of its own.
    :param time_limit: Seconds that each task may run. After that its worker is ended and replaced, and the task fails
        with TaskTimeoutError. None, the default, stands for no limit.
    :param max_retries: how many times a task is run again because its worker died while it ran; 0 by default
    :param options: Further options of Pool, such as `method`. A process with a thread should not be forked, so give
        `method="forkserver"` or `method="spawn"` unless your program has to fork.
    :raises TypeError: if an argument is of the wrong type, or an option of a pool is given together with `pool`
    :raises ValueError: if a number is too small or too large, or `pool` was made without `background=True`
    """

    def __init__(
        self, max_workers=None, mp_context=None, initializer=None, initargs=(), *, max_tasks_per_child=None, pool=None,
        time_limit=None, max_retries=0, **options,
    ):  # fmt: skip
        if mp_context is not None:
            if "method" in options:
                raise TypeError("Executor: mp_context and method both say how workers are started: give one of them")
            options["method"] = mp_context.get_start_method()
        check_task_options(time_limit, max_retries)
        options.update(initializer_options(initializer, initargs))
        options.update(recycle_options(max_tasks_per_child, "max_tasks_per_child", options))
        if pool is None:
            if max_workers is not None:
                check_count("max_workers", max_workers, of_zero="max_workers must be greater than 0")
            self._pool = Pool(max_workers, background=True, **options)
        else:
            given = ["max_workers"] * (max_workers is not None) + list(options)
            if given:
                raise TypeError(f"Executor(pool=...) runs tasks in that pool as it is: it takes no {', '.join(given)}")
            if not pool._background:
                raise ValueError("Executor(pool=...): nobody would drive this pool: make it by Pool(background=True)")
            self._pool = pool
        self._is_own = pool is None
        self._max_workers = len(self._pool)  # by this name of the standard library's executors Dask counts the workers
        self._options = {"time_limit": time_limit, "max_retries": max_retries}
        self._lock = threading.Lock()
        self._closing = threading.Lock()  # held by a thread that waits for the end
        self._is_shut_down = False
        self._futures = set()  # those that have not ended
        _all.add(self)

    @property
    def pool(self):
        """The Pool that runs the tasks, for its `insights()` and `pids()`."""
        return self._pool

    def submit(self, fn, /, *args, **kwargs):
        """Hand over the call `fn(*args, **kwargs)`. Does not wait.

        :param fn: the function
        :param args: its arguments
        :param kwargs: its keyword arguments
        :return: A `concurrent.futures.Future`. It has what the function returned or raised, or why it could not be
            pickled, or an error of the pool, as `Task.result` raises it.
        :raises RuntimeError: after `shutdown`
        :raises StartError: if the workers cannot be started, which the first call does
        :raises NotOwnerError: in a process that was forked from the one that made the executor
        """
        future = _Future()
        with self._lock:
            if self._is_shut_down:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._futures.add(future)
        try:
            future._task = task = self._pool.submit_with(self._options, fn, *args, **kwargs)
        except BaseException as error:
            self._futures.discard(future)
            if not isinstance(error, Exception) or isinstance(error, (StartError, NotOwnerError, PoolBrokenError)):
                raise
            future._claim()
            future.set_exception(error)
            return future
        task._call_at_end(functools.partial(self._end, future))
        return future

    def map(self, fn, *iterables, timeout=None, chunksize=1):
        """Return an iterator over `fn(*items) for items in zip(*iterables)`, in the order of the input.

        The inputs are read at once, and all calls are handed over. `Pool.imap` reads its input as far as the workers
        need. If the iterator ends before its last result, by an error too, the tasks that no worker has begun are
        cancelled.

        :param fn: the function
        :param iterables: an iterable for each of its arguments
        :param timeout: the most seconds from this call to each result; None, the default, for no limit
        :param chunksize: the number of calls that are one task; 1 by default
        :return: An iterator, whose `next` blocks until there is the next result. It raises what the function raised, or
            an error of the pool, and ends with that.
        :raises TimeoutError: out of `next`, if the result is not there in this time
        :raises ValueError: if `chunksize` is less than 1
        :raises Exception: as `submit`
        """
        check_map(chunksize, None)
        check_timeout(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        if chunksize is None or chunksize == 1:
            return _results_of([self.submit(fn, *items) for items in zip(*iterables)], end)
        chunks = _chunks(zip(*iterables), chunksize)
        futures = [self.submit(_run_chunk, fn, chunk) for chunk in chunks]
        return itertools.chain.from_iterable(_results_of(futures, end))

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Take no further tasks, and end the workers when the tasks have ended. May be called repeatedly.

        At the end of the program executors are shut down in this way, and waited for. In a process that was forked from
        the one that made the executor, this ends nothing.

        :param wait: Whether to wait for the tasks and for the ends of the workers. If it is False, a thread waits.
        :param cancel_futures: Whether the tasks that no worker has begun are cancelled. Those that run go on.
        """
        with self._lock:
            self._is_shut_down = True
        if self._pool._pid != os.getpid():
            return
        if cancel_futures:
            for future in list(self._futures):
                future._take_back(even_if_running=False)
        if wait:
            self._close()
        else:
            threading.Thread(target=self._close, name="coproc.Executor.shutdown").start()

    def _close(self):
        concurrent.futures.wait(list(self._futures))
        with self._closing:
            if self._is_own:
                self._pool.stop()

    def _end(self, future, task):
        """Give the future what the task has. The executor lives until its tasks have ended, since this refers to it.

        It is called by the thread of the pool, and reads the result at once, so unread results hold nobody up.
        """
        self._futures.discard(future)
        value, error = task._outcome()
        if not future._claim():
            return
        if is_cancellation(error):
            future._be_cancelled()
        elif future.set_running_or_notify_cancel():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        future._task = None


class _Future(concurrent.futures.Future):
    """A future that can be cancelled while its task runs. Whoever claims it ends it."""

    def __init__(self):
        super().__init__()
        self._task = None
        self._claims = threading.Lock()  # never released

    def cancel(self):
        return self._take_back(even_if_running=True)

    def _take_back(self, even_if_running):
        task = self._task
        if task is None or not task._cancel(even_if_running):
            return self.cancelled()
        if self._claim():
            self._be_cancelled()
        return True

    def _claim(self):
        return self._claims.acquire(blocking=False)

    def _be_cancelled(self):
        super().cancel()
        self.set_running_or_notify_cancel()  # for those who wait for several futures


def _chunks(items, size):
    while chunk := tuple(itertools.islice(items, size)):
        yield chunk


def _run_chunk(fn, chunk):
    return [fn(*items) for items in chunk]


def _results_of(futures, end):
    futures.reverse()
    try:
        while futures:
            yield _taken_from(futures, None if end is None else end - time.monotonic())
    finally:
        while futures:
            futures.pop()._take_back(even_if_running=False)


def _taken_from(futures, timeout):
    """Return the result of the last future, which nothing refers to any more then."""
    result = futures[-1].result(timeout)
    del futures[-1]
    return result


#: Executors that may have tasks. The end of a program waits for them, as it does for those of the standard library.
_all = weakref.WeakSet()


@atexit.register
def _shut_down_all():
    for executor in list(_all):
        executor.shutdown()
