"""One submitted call, and its result to come."""

import collections
import logging
import time
import weakref

from ..errors import TaskCancelledError
from .failures import error_of_task

#: Who waits for tasks of several pools waits so long, in seconds, for what comes of one of them.
_TURN = 0.005


class Task:
    """What `Pool.submit` gives. Whoever waits for its result drives the pool. Any thread may use it."""

    def __init__(self, crew):
        self._crew = crew
        self._job = TaskJob(self)

    def result(self, timeout=None):
        """Wait for what the function returned, or raise what it raised. TimeoutError: not in this time; it goes on."""
        self._wait(timeout)
        if self._job.exception is None:
            return self._job.result
        try:
            raise self._job.exception
        finally:
            self = None  # the exception's traceback holds this frame

    def exception(self, timeout=None):
        """Wait for what the function raised; None: it returned."""
        self._wait(timeout)
        return self._job.exception

    def done(self):
        """Whether it has ended. Looks what has come, without waiting."""
        return self._job.is_done or self._crew.drive_until(self._job.has_ended, 0)

    def cancel(self):
        """Take it back, if no worker was given it yet. False: it is too late."""
        if not self._job.is_done and self._crew.take_back(self._job):
            self._job.is_cancelled = True
            self._job.fail(0, TaskCancelledError("this task was cancelled before a worker was given it"))
            self._crew.note_ended()
            self._job.call_back(self._crew)
        return self._job.is_cancelled

    def cancelled(self):
        """Whether `cancel` has taken it back."""
        return self._job.is_cancelled

    def add_done_callback(self, function):
        """Call `function(task)` when it has ended: now, or by the thread that takes the result in. It may use the pool; an exception of it is logged."""
        if not callable(function):
            raise TypeError(f"add_done_callback: {function!r} cannot be called")
        self._job.callbacks.append(function)
        if self._job.is_done:
            self._job.call_back(self._crew)

    def __reduce__(self):
        raise TypeError("a task of a pool cannot go to another process: send its result")

    def __repr__(self):
        state = "cancelled" if self._job.is_cancelled else "done" if self._job.is_done else "pending"
        return f"<coproc.Task: {state}>"

    def _wait(self, timeout):
        if not self._job.is_done and not self._crew.drive_until(self._job.has_ended, timeout):
            raise TimeoutError("the task has not ended in this time")


class TaskJob:
    """A Task as the crew sees it: a job of one task. It holds neither the Task nor the pool, so that these go when their users drop them."""

    is_closed = False  # nobody wants its result
    thread = None

    def __init__(self, task):
        self.waiting = 0  # tasks that no worker was given yet
        self.is_done = self.is_cancelled = False
        self.result = self.exception = None
        self.callbacks = collections.deque()
        self.watchers = []  # called when it has ended
        self._task = weakref.ref(task)

    def has_ended(self):
        return self.is_done

    def take(self, first, results):
        self._end(results[0], None)

    def fail(self, index, exception):
        self._end(None, error_of_task(exception, "this task"))

    def _end(self, result, exception):
        self.result, self.exception, self.is_done = result, exception, True
        for watcher in self.watchers:
            watcher(self)

    def call_back(self, crew):
        task = self._task()
        if task is None:  # its user has dropped it
            task = Task(crew)
            task._job = self
        while True:
            try:
                function = self.callbacks.popleft()
            except IndexError:
                return
            try:
                function(task)
            except Exception:
                logging.getLogger("coproc").exception("a callback of %r has failed", task)


def as_completed(tasks, timeout=None):
    """The tasks in the order in which they end, those of several pools, too. `timeout` is for each: TimeoutError."""
    left = {task._job: task for task in tasks}
    crews = collections.Counter(task._crew for task in left.values())
    ended = collections.deque()
    for job, task in left.items():
        job.watchers.append(ended.append)
        if job.is_done:
            ended.append(job)
    while left:
        if not ended and not _drive_any(list(crews), ended.__len__, timeout):
            raise TimeoutError(f"{len(left)} tasks have not ended in this time")
        while ended:
            task = left.pop(ended.popleft(), None)
            if task is not None:
                crews[task._crew] -= 1
                if not crews[task._crew]:
                    del crews[task._crew]
                yield task


def _drive_any(crews, is_reached, timeout):
    """Drive several pools in turn until it is reached; False: not in this time."""
    if len(crews) == 1:
        return crews[0].drive_until(is_reached, timeout)
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        for crew in crews:
            if crew.drive_until(is_reached, 0):
                return True
        left = _TURN if end is None else min(_TURN, end - time.monotonic())
        if left <= 0:
            return False
        crews[0].drive_until(is_reached, left)
        crews.append(crews.pop(0))
