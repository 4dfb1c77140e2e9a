"""One submitted call, and its result to come."""

import logging

from ..errors import TaskCancelledError


class Task:
    """What `Pool.submit` gives. Whoever waits for its result drives the pool."""

    def __init__(self, pool):
        self._pool = pool
        self._job = OneTaskJob(self)
        self._is_done = self._is_cancelled = False
        self._result = self._exception = None
        self._callbacks = []

    def result(self, timeout=None):
        """Wait for what the function returned, or raise what it raised. TimeoutError: not in this time; it goes on."""
        self._wait(timeout)
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self, timeout=None):
        """Wait for what the function raised; None: it returned."""
        self._wait(timeout)
        return self._exception

    def done(self):
        """Whether it has ended. Looks what has come, without waiting."""
        if not self._is_done:
            self._pool._crew.drive(0)
        return self._is_done

    def cancel(self):
        """Take it back, if no worker was given it yet. False: it is too late."""
        if not self._is_done and self._pool._crew.take_back(self._job):
            self._is_cancelled = True
            self._end(None, TaskCancelledError("this task was cancelled before a worker was given it"))
            self._pool._crew.call_back()
        return self._is_cancelled

    def cancelled(self):
        """Whether `cancel` has taken it back."""
        return self._is_cancelled

    def add_done_callback(self, function):
        """Call `function(task)` when it has ended: now, or by the thread that takes the result in. It may use the pool; an exception of it is logged."""
        self._callbacks.append(function)
        if self._is_done:
            self._call_back()

    def __repr__(self):
        state = "cancelled" if self._is_cancelled else "done" if self._is_done else "pending"
        return f"<coproc.Task: {state}>"

    def _wait(self, timeout):
        if not self._is_done and not self._pool._crew.drive_until(lambda: self._is_done, timeout):
            raise TimeoutError("the task has not ended in this time")

    def _end(self, result, exception):
        self._result, self._exception, self._is_done = result, exception, True
        if self._callbacks:
            self._pool._crew.to_call_back.append(self)

    def _call_back(self):
        callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            try:
                function(self)
            except Exception:
                logging.getLogger("coproc").exception("a callback of %r has failed", self)


class OneTaskJob:
    """A Task as the crew sees it: a job of one task."""

    is_closed = False

    def __init__(self, task):
        self._task = task

    def take(self, first, results):
        self._task._end(results[0], None)

    def fail(self, index, exception):
        self._task._end(None, exception)


def as_completed(tasks, timeout=None):
    """The tasks in the order in which they end. `timeout` is for each: TimeoutError."""
    left = list(tasks)
    while left:
        crew = left[0]._pool._crew
        if not crew.drive_until(lambda: any(task._is_done for task in left), timeout):
            raise TimeoutError(f"{len(left)} tasks have not ended in this time")
        ended = [task for task in left if task._is_done]
        left = [task for task in left if not task._is_done]
        yield from ended
