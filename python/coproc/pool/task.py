"""A submitted call and its future result."""

import collections
import logging
import threading
import time

from .. import _core
from ..errors import NotOwnerError
from ..timeouts import check_timeout
from .awaiting import awaited
from .failures import error_of_task, is_cancellation

#: A wait for tasks of several pools waits for each pool in turn, for this many seconds.
_TURN = 0.005


class Task:
    """A call that was handed to a pool. `Pool.submit` makes it, and any thread may use it.

    A thread that waits for the result hands out tasks and takes in results for all users of the pool. In a process that
    was forked from the one that made the pool, calls raise NotOwnerError.

    A coroutine of asyncio can await it, if the pool was made with `background=True`:

        small = await pool.submit(resize, image, width=640)

    The thread of the pool wakes the event loop when the task has ended; no other thread waits for it. If the coroutine
    is cancelled, the task is cancelled, too, as by `cancel`. `await` returns and raises what `result` does, and raises
    RuntimeError if the task has not ended and the pool has no thread.
    """

    def __init__(self, kernel, job, is_driven):
        self._kernel = kernel
        self._job = job
        self._is_driven = is_driven  # the pool has a thread
        self._callbacks = collections.deque()
        self._reading = threading.RLock()  # held by the thread that waits for the result
        self._is_read = self._is_cancelled = False
        self._result = self._exception = None

    def result(self, timeout=None):
        """Wait for the end of the task, and return what the function returned.

        :param timeout: the most seconds to wait; None, the default, for no limit
        :return: the result
        :raises Exception: what the function raised
        :raises TimeoutError: if the task has not ended in this time; it goes on
        :raises WorkerDiedError: if the worker died while it ran the task
        :raises TaskTimeoutError: if the task has run longer than its `time_limit`
        :raises TaskCancelledError: if the task was cancelled, or the pool was stopped before its end; a
            `concurrent.futures.CancelledError`
        :raises PoolBrokenError: if no worker gets to its first task
        """
        self._wait(timeout)
        if self._exception is None:
            return self._result
        try:
            raise self._exception
        finally:
            self = None  # the exception's traceback refers to this frame

    def exception(self, timeout=None):
        """Wait for the end of the task, and return what `result` would raise.

        :param timeout: the most seconds to wait; None, the default, for no limit
        :return: the exception; None if the function returned
        :raises TimeoutError: if the task has not ended in this time; it goes on
        """
        self._wait(timeout)
        return self._exception

    def done(self):
        """Return whether the task has ended. Takes in what has come, without waiting."""
        return self._is_read or self._job.is_done()

    def cancel(self):
        """Take the task back. If it runs, its worker is ended and replaced. `result` then raises TaskCancelledError.

        :return: whether it is cancelled; False if it had ended before
        """
        return self._cancel(even_if_running=True)

    def cancelled(self):
        """Return whether the task was cancelled, by `cancel` or by the end of its pool. Does not wait."""
        return self._is_cancelled or (self.done() and is_cancellation(self._outcome()[1]))

    def add_done_callback(self, function):
        """Call `function(task)` when the task has ended.

        It is called at once if the task has ended, and otherwise by a thread that is in a call of the pool. It may use
        the pool and wait for it.

        :param function: what is called; an Exception that it raises is logged
        :raises TypeError: if `function` cannot be called
        """
        if not callable(function):
            raise TypeError(f"add_done_callback: {function!r} cannot be called")
        self._call_at_end(function)

    def __await__(self):
        return awaited(self, self._is_driven).__await__()

    def __reduce__(self):
        raise TypeError("a task of a pool cannot go to another process: send its result")

    def __repr__(self):
        try:
            state = "cancelled" if self._is_cancelled else "done" if self.done() else "pending"
        except NotOwnerError:
            state = "of another process"
        return f"<coproc.Task: {state}>"

    def _cancel(self, even_if_running):
        if not self._is_read and self._job.cancel(even_if_running):
            self._is_cancelled = True
        return self._is_cancelled

    def _call_at_end(self, function):
        self._callbacks.append(function)
        self._job.then(self._call_back)

    def _outcome(self):
        """Return the result of a task that has ended, or None, and the error that `result` raises, or None."""
        try:
            error = self.exception()
        except Exception as of_the_pool:
            error = of_the_pool
        return (self._result if error is None else None), error

    def _wait(self, timeout):
        check_timeout(timeout)
        if not self._is_read and not self._read(timeout):
            raise TimeoutError("the task has not ended in this time")

    def _read(self, timeout):
        """Return whether the result has arrived. One thread at a time waits in the core, and others wait for it."""
        end = None if timeout is None else time.monotonic() + timeout
        if not self._reading.acquire(timeout=-1 if timeout is None else max(0, min(timeout, threading.TIMEOUT_MAX))):
            return self._is_read
        try:
            if not self._is_read:
                found = self._job.read(None if end is None else max(0.0, end - time.monotonic()))
                if found is False:
                    return False
                if isinstance(found, list):
                    self._result = found[0]
                else:
                    self._exception = error_of_task(found, "this task")
                self._is_read = True
            return True
        finally:
            self._reading.release()

    def _call_back(self):
        while True:
            try:
                function = self._callbacks.popleft()
            except IndexError:
                return
            try:
                function(self)
            except Exception:
                logging.getLogger("coproc").exception("a callback of %r has failed", self)


def as_completed(tasks, timeout=None):
    """Yield tasks in the order in which they end. They may be of several pools.

    :param tasks: an iterable of Tasks
    :param timeout: the most seconds to wait for each of them; None, the default, for no limit
    :return: a generator of the same Tasks
    :raises TimeoutError: if no further task has ended in this time
    """
    check_timeout(timeout)
    left = dict.fromkeys(tasks)
    ended = collections.deque()
    for task in left:
        task._call_at_end(ended.append)
    while left:
        if not ended:
            if not _wait_any(list(left), timeout):
                raise TimeoutError(f"{len(left)} tasks have not ended in this time")
            ended.extend(task for task in list(left) if task.done())  # another thread may be about to call `append`
        while ended:
            task = ended.popleft()
            if task in left:
                del left[task]
                yield task


def _wait_any(tasks, timeout):
    """Drive the pools of these tasks, in turns, until one task has ended. Return False if none has in this time."""
    jobs = collections.defaultdict(list)
    for task in tasks:
        if task._is_read:
            return True
        jobs[task._kernel].append(task._job)
    if len(jobs) == 1:
        return _core.PoolJob.wait_any(*jobs.values(), timeout)
    end = None if timeout is None else time.monotonic() + timeout
    turns = list(jobs.values())
    while True:
        if any(_core.PoolJob.wait_any(each, 0) for each in turns):
            return True
        left = _TURN if end is None else min(_TURN, end - time.monotonic())
        if left <= 0:
            return False
        if _core.PoolJob.wait_any(turns[0], left):
            return True
        turns.append(turns.pop(0))
