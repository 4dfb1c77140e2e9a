"""A pool with the names of `multiprocessing.pool.Pool`."""

import functools
import multiprocessing.pool
import os
import threading

from .arguments import check_count, check_map, check_task, check_task_options, recycle_options
from .initializer import initializer_options
from .multiprocessing_results import AsyncResult, Stream, StreamResults
from .pool import Pool
from .worker import ONE, SEVERAL


class MultiprocessingPool(multiprocessing.pool.Pool):
    """A `multiprocessing.pool.Pool` whose tasks a Pool runs, for programs and libraries that are written for that one.

        with coproc.MultiprocessingPool(4) as pool:
            for size in tqdm(pool.imap_unordered(resize, images), total=len(images)): ...
            pool.apply_async(resize, (image,), {"width": 640}, callback=save)

    It has the methods of the standard library's pool with their parameters. These things are different:

    - A worker that dies fails only the task that it ran, with WorkerDiedError, and is replaced. `max_retries` runs the
      task again. There a map or `get` that misses the result waits for ever.
    - Each task fails by itself, also within a chunk. `map` and `starmap`, and the results of `map_async` and
      `starmap_async`, raise the error of the first task of the input that has failed, when all tasks have ended.
    - `terminate` lets the results that are still to come fail with TaskCancelledError, so that nobody waits for ever.
    - If `initializer` raises in three workers in a row, all waiting tasks fail with PoolBrokenError.
    - An exception of a callback is logged, and the pool goes on.

    The workers are started at once. Leaving the `with` block calls `terminate()`. To wait for what was handed over,
    call `close()` and `join()`. Any number of threads may use one pool at once.

    Callbacks are called by threads of the pool. They may hand over further tasks and call `terminate`, and must not
    wait for other results.

    :param processes: the number of workers, 65,536 at most; None, the default, for as many as this process may use
        processors
    :param initializer: A function that runs in each worker before its first task. Its result is dropped. None, the
        default, stands for nothing.
    :param initargs: the arguments of `initializer`
    :param maxtasksperchild: The number of tasks after which a worker is replaced by a new one; None, the default, for
        never. Each call of the function counts as a task.
    :param context: A context of multiprocessing, whose start method is used; None, the default, for multiprocessing's
        default. A process with a thread should not be forked, so give `multiprocessing.get_context("forkserver")` or
        `"spawn"` unless your program has to fork.
    :param time_limit: Seconds that each task may run. After that its worker is ended and replaced, and the task fails
        with TaskTimeoutError. None, the default, stands for no limit.
    :param max_retries: how many times a task is run again because its worker died while it ran; 0 by default
    :param options: further options of Pool, such as `link`
    :raises TypeError: if an argument is of the wrong type
    :raises ValueError: if a number is too small or too large
    :raises StartError: if the workers cannot be started
    """

    Process = None  # how the standard library's pool makes its workers

    def __init__(
        self, processes=None, initializer=None, initargs=(), maxtasksperchild=None, context=None, *,
        time_limit=None, max_retries=0, **options,
    ):  # fmt: skip
        if maxtasksperchild is not None and (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError(f"maxtasksperchild: a positive int or None, not {maxtasksperchild!r}")
        if processes is not None:
            check_count("processes", processes)
        check_task_options(time_limit, max_retries)
        of_the_context = {} if context is None else {"method": context.get_start_method()}
        # Libraries count and look at the workers by these two names of the standard library's pool.
        self._pool = _OnceStarted(
            processes,
            background=True,
            **recycle_options(maxtasksperchild, "maxtasksperchild", options),
            **of_the_context,
            **initializer_options(initializer, initargs),
            **options,
        )
        self._processes = len(self._pool)
        self._time_limit, self._max_retries = time_limit, max_retries
        self._lock = threading.RLock()
        self._is_open = True
        self._left = set()  # the AsyncResults and Streams that are not over
        self._pool.start()

    # ---- tasks ----

    def apply(self, func, args=(), kwds={}):
        """Return `func(*args, **kwds)`, which a worker computes. Blocks until then.

        :param func: the function
        :param args: an iterable of its arguments; none by default
        :param kwds: a dict of its keyword arguments; none by default
        :return: the result
        :raises ValueError: after `close` or `terminate`
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        :raises Exception: what the function raised, or an error of the pool, as `Task.result` raises it
        """
        return self.apply_async(func, args, kwds).get()

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None):
        """Hand over the call `func(*args, **kwds)`. Does not wait.

        :param func: the function
        :param args: an iterable of its arguments; none by default
        :param kwds: a dict of its keyword arguments; none by default
        :param callback: A function that is called with the result, before `get` returns. None, the default, stands for
            nothing.
        :param error_callback: the same for the error
        :return: a `multiprocessing.pool.AsyncResult`
        :raises ValueError: after `close` or `terminate`
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        result = self._begun(AsyncResult(callback, error_callback))
        options = {"time_limit": self._time_limit, "max_retries": self._max_retries}
        try:
            task = self._pool.submit_with(options, func, *args, **kwds)
        except Exception as error:
            self._end(result, None, error)
        else:
            task._call_at_end(functools.partial(self._end_of_task, result))
        return result

    def map(self, func, iterable, chunksize=None):
        """Return `[func(item) for item in iterable]`, which all workers compute together.

        Blocks until all tasks have ended.

        :param func: the function
        :param iterable: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms.
        :return: the list of the results, in the order of the input
        :raises ValueError: after `close` or `terminate`, or if `chunksize` is less than 1
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        :raises Exception: the error of the first task of the input that has failed, or what reading the input raised
        """
        return self._map(func, iterable, ONE, chunksize)

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        """Hand over what `map` does, and do not wait for it.

        :param func: the function
        :param iterable: An iterable of its arguments. If it has no length, it is read at once, and otherwise by a
            thread.
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms.
        :param callback: A function that is called with the list of the results, before `get` returns. None, the
            default, stands for nothing.
        :param error_callback: the same for the error
        :return: a `multiprocessing.pool.AsyncResult`, which has the list of the results, or the error that `map` raises
        :raises Exception: as `imap`, and what reading an input without a length raises
        """
        return self._map_in_thread(func, iterable, ONE, chunksize, callback, error_callback)

    def starmap(self, func, iterable, chunksize=None):
        """Return `[func(*items) for items in iterable]`, which all workers compute together. See `map`.

        :param func: the function
        :param iterable: an iterable of iterables of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms.
        :return: the list of the results, in the order of the input
        :raises Exception: as `map`
        """
        return self._map(func, iterable, SEVERAL, chunksize)

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        """Hand over what `starmap` does, and do not wait for it. See `map_async`.

        :param func: the function
        :param iterable: an iterable of iterables of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms.
        :param callback: A function that is called with the list of the results, before `get` returns. None, the
            default, stands for nothing.
        :param error_callback: the same for the error
        :return: a `multiprocessing.pool.AsyncResult`
        :raises Exception: as `map_async`
        """
        return self._map_in_thread(func, iterable, SEVERAL, chunksize, callback, error_callback)

    def imap(self, func, iterable, chunksize=1):
        """Return an iterator over `func(item) for item in iterable`, in the order of the input. Does not wait.

        A thread reads the input, hands out all tasks, and takes in their results, also if nobody reads the iterator.
        `Pool.imap` reads its input only as far as the workers need, so for an endless input use that.

        :param func: the function
        :param iterable: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together, 1 by default. None stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :return: An iterator. Its `next` blocks until there is a result; `next(timeout)` raises
            multiprocessing.TimeoutError if there is none in this time. An error is raised in the place of its result,
            and `next` goes on behind it.
        :raises ValueError: after `close` or `terminate`, or if `chunksize` is less than 1
        :raises TypeError: if `func` cannot be called, or `iterable` is none
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        return self._imap(func, iterable, True, chunksize)

    def imap_unordered(self, func, iterable, chunksize=1):
        """Return an iterator over `func(item) for item in iterable`, in the order in which results come. See `imap`.

        :param func: the function
        :param iterable: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together, 1 by default. None stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :return: an iterator, as that of `imap`
        :raises Exception: as `imap`
        """
        return self._imap(func, iterable, False, chunksize)

    # ---- ending ----

    def close(self):
        """Take no further tasks. Does not wait. The workers end by `join`, when the tasks have ended."""
        with self._lock:
            self._is_open = False

    def terminate(self):
        """Take no further tasks, and end the workers. Waits for their ends, unless a callback calls it.

        Tasks that have not ended are cancelled: their results are TaskCancelledError.
        """
        self.close()
        if getattr(_this_thread, "is_in_callback", False):
            _run_in_thread(self._pool.terminate)  # the thread of the pool cannot wait for its own end
        else:
            self._pool.terminate()

    def join(self):
        """Wait until every task has ended and its callback was called, then end the workers and wait for their ends.

        In a process that was forked from the one that made the pool, this does nothing.

        :raises ValueError: if neither `close` nor `terminate` was called before
        """
        if self._is_open:
            raise ValueError("Pool is still running")
        if self._pool._pid != os.getpid():
            return
        for each in list(self._left):
            each.wait()
        self._pool.stop()

    def __enter__(self):
        self._check_running()
        return self

    def __exit__(self, *_):
        self.terminate()

    def __del__(self):
        """Do nothing: the Pool ends its workers, and tasks that have not ended refer to this object."""

    def __reduce__(self):
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def __repr__(self):
        return f"<coproc.MultiprocessingPool of {self._processes} workers, {'open' if self._is_open else 'closed'}>"

    # ---- inside ----

    def _check_running(self):
        if not self._is_open:
            raise ValueError("Pool not running")
        self._pool._check_owner()

    def _begun(self, result):
        """Note that a result is to come, for which `join` waits."""
        with self._lock:
            self._check_running()
            self._left.add(result)
        return result

    def _end(self, result, value, error):
        result._end(value, error)
        self._left.discard(result)

    def _end_of_task(self, result, task):
        """Give a result what its task has. The thread of the pool reads it at once, so unread ones hold nobody up."""
        value, error = task._outcome()
        _this_thread.is_in_callback = True
        try:
            self._end(result, value, error)
        finally:
            _this_thread.is_in_callback = False

    def _stretches(self, func, iterable, mode, is_ordered, chunksize):
        """Return a function that begins a map."""
        check_task(func, None, 0)
        check_map(chunksize, None)
        if not hasattr(iterable, "__len__"):
            iterable = iter(iterable)
        options = self._time_limit, self._max_retries, False, None
        return functools.partial(self._pool._stretches, func, iterable, mode, is_ordered, chunksize, *options)

    def _map(self, func, iterable, mode, chunksize):
        begin = self._stretches(func, iterable, mode, True, chunksize)
        result = self._begun(AsyncResult(None, None))  # `join` of another thread waits for it
        self._collect(result, begin)
        return result.get()

    def _map_in_thread(self, func, iterable, mode, chunksize, callback, error_callback):
        self._check_running()
        if not hasattr(iterable, "__len__"):
            iterable = list(iterable)
        begin = self._stretches(func, iterable, mode, True, chunksize)
        result = self._begun(AsyncResult(callback, error_callback))
        _run_in_thread(self._collect, result, begin)
        return result

    def _collect(self, result, begin):
        """Run a map to its end, whatever its tasks raise."""
        values, first = [], None
        try:
            stretches = begin()
            try:
                for stretch in stretches:
                    if not isinstance(stretch, BaseException):
                        values += stretch
                    elif first is None:
                        first = stretch
            finally:
                stretches.close()
        except BaseException as error:
            first = first or error
            if not isinstance(error, Exception):
                raise
        finally:
            stretch = None  # the error's traceback refers to this frame
            self._end(result, values, first)

    def _imap(self, func, iterable, is_ordered, chunksize):
        begin = self._stretches(func, iterable, ONE, is_ordered, chunksize)
        stream = self._begun(Stream())
        _run_in_thread(self._pour, stream, begin)
        return StreamResults(stream)

    def _pour(self, stream, begin):
        try:
            for stretch in begin():
                stream.add(stretch)
        except Exception as error:
            stream.add(error)
        finally:
            stream.end()
            self._left.discard(stream)


#: `is_in_callback` is true while a thread that drives the pool calls a callback of a task.
_this_thread = threading.local()


class _OnceStarted(Pool):
    """A pool that is not started again after its end, whatever another thread is about to hand over."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._is_over = False
        self._stopping = threading.Lock()  # held by a thread that ends the workers, for which others wait

    def _started(self):
        with self._lock:
            if self._is_over:
                raise ValueError("Pool not running")
            return super()._started()

    def _stop(self, options):
        with self._lock:
            self._is_over = True
        with self._stopping:
            super()._stop(options)


def _run_in_thread(function, *args):
    # The end of a program does not wait for tasks, as in multiprocessing.
    threading.Thread(target=function, args=args, name="coproc.MultiprocessingPool", daemon=True).start()
