"""The results of a map, and its progress."""

import collections
import sys
import threading
import time

from .failures import error_of_task
from .task_result import TaskResult


class Reader:
    """An iterator over lists of results, and exceptions, as they arrive. After an interrupted `next`, call it again."""

    def __init__(self, job, progress):
        self._job = job
        self._progress = progress
        self._is_over = self._is_numbered = False

    def __iter__(self):
        return self

    def __next__(self):
        while not self._is_over:
            try:
                found = self._job.read(self._progress.period)
            except InterruptedError:
                raise
            except Exception:
                self.close()
                raise
            if found is None:
                self.close()
            elif found is not False:
                if self._is_numbered:
                    return [_numbered(*each) for each in found]
                return found if isinstance(found, list) else error_of_task(found, f"task {self._job.index}")
            self._progress.report(self._job.taken)
        raise StopIteration

    def number(self):
        """Return TaskResults in the place of results and exceptions. Only before the first `next`."""
        self._job.number()
        self._is_numbered = True

    def close(self):
        if not self._is_over:
            self._is_over = True
            self._job.close()
            self._progress.end(self._job.taken)


def _numbered(index, value, error):
    return TaskResult(index, value, None if error is None else error_of_task(error, f"task {index}"))


class Stretches:
    """An iterator over single results, whose source brings lists of results, and exceptions.

    :param stretches: where the results come from
    """

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
                        found = None  # the traceback refers to this frame
                self._stretch.extend(found)
            return self._stretch.popleft()

    def close(self):
        """Hand out no further tasks. Those that run go on to their end, and their results are dropped."""
        self._stretches.close()

    def __del__(self):
        self.close()


class Results(Stretches):
    """An iterator over the results of a map, which can be read once. `imap` and `map_unordered` make it.

    `next` blocks until there is a result. An error is raised in the place of its result, and `next` goes on behind it.
    Several threads may read it: each result goes to one of them.

    :param stretches: where the results come from
    """

    def as_results(self):
        """Return an iterator over the same results as TaskResults, which have their indices. This one is empty then.

            for result in pool.map_unordered(check, paths).as_results():
                if result.error is not None: print(paths[result.index], result.error)

        Its `next` does not raise the errors of tasks. What reading the input raises, and errors of the whole pool, it
        does raise.

        :return: Results, whose items are TaskResults
        :raises ValueError: if results of this map were read before
        """
        with self._lock:
            self._stretches.number()
            stretches, self._stretches = self._stretches, _Moved()
        return Results(stretches)


class _Moved:
    """What is left of Results when another object reads them."""

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def number(self):
        pass

    def close(self):
        pass


class Progress:
    """Reports the progress of a map to the user's function, or as a bar on a terminal."""

    def __init__(self, function, total):
        is_bar = function is True and sys.stderr is not None and sys.stderr.isatty()
        self._function = _bar if is_bar else None if function is True or function is False else function
        self._total = total
        self._last = 0.0
        self.period = None if self._function is None else 0.1

    def report(self, done):
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
