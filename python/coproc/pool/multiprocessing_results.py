"""What the calls of a MultiprocessingPool return: results that another thread brings."""

import logging
import multiprocessing
import multiprocessing.pool
import queue
import threading

from .results import Stretches


class AsyncResult(multiprocessing.pool.AsyncResult):
    """A result that comes later, as `multiprocessing.pool.AsyncResult`.

    :param callback: what is called with the result, before the threads that wait for it go on; None for nothing
    :param error_callback: the same for the error
    """

    def __init__(self, callback, error_callback):
        self._callback = callback
        self._error_callback = error_callback
        self._is_over = threading.Event()
        self._value = self._error = None

    def get(self, timeout=None):
        """Wait for the result.

        :param timeout: the most seconds to wait; None, the default, for no limit
        :return: what the function returned
        :raises multiprocessing.TimeoutError: if the result has not come in this time
        :raises Exception: what the function raised, or an error of the pool, as `Task.result` raises it
        """
        if not self._is_over.wait(timeout):
            raise multiprocessing.TimeoutError("the result has not come in this time")
        if self._error is None:
            return self._value
        try:
            raise self._error
        finally:
            self = None  # the exception's traceback refers to this frame

    def wait(self, timeout=None):
        """Wait until the result or the error is there.

        :param timeout: the most seconds to wait; None, the default, for no limit
        """
        self._is_over.wait(timeout)

    def ready(self):
        """Return whether the result or the error is there."""
        return self._is_over.is_set()

    def successful(self):
        """Return whether there is a result, and not an error.

        :raises ValueError: if neither is there
        """
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._error is None

    def _end(self, value, error):
        """Take the result or the error. An Exception of a callback is logged, so that it holds nobody up."""
        self._value, self._error = value, error
        function, argument = (self._callback, value) if error is None else (self._error_callback, error)
        self._callback = self._error_callback = None
        try:
            if function is not None:
                function(argument)
        except Exception:
            logging.getLogger("coproc").exception("a callback of %r has failed", self)
        finally:
            self._is_over.set()


class Stream:
    """An iterator over lists of results, and exceptions, that another thread adds. It never lets that thread wait."""

    def __init__(self):
        self.timeout = None  # of the next `next`
        self._found = queue.SimpleQueue()
        self._is_over = threading.Event()

    def __iter__(self):
        return self

    def __next__(self):
        try:
            found = self._found.get(timeout=self.timeout)
        except queue.Empty:
            raise multiprocessing.TimeoutError("the next result has not come in this time") from None
        if found is None:
            self._found.put(None)  # for the next `next`
            raise StopIteration
        return found

    def add(self, stretch):
        self._found.put(stretch)

    def end(self):
        self._found.put(None)
        self._is_over.set()

    def wait(self):
        self._is_over.wait()

    def close(self):
        """Do nothing: tasks of a dropped iterator are run, as in multiprocessing."""


class StreamResults(Stretches):
    """The iterator that `imap` and `imap_unordered` of a MultiprocessingPool return."""

    def next(self, timeout=None):
        """Return the next result.

        :param timeout: the most seconds to wait; None, the default, for no limit
        :return: the result
        :raises multiprocessing.TimeoutError: if it has not come in this time
        :raises StopIteration: if there is none
        :raises Exception: the error that is in the place of the result
        """
        with self._lock:
            self._stretches.timeout = None if timeout is None else max(0, timeout)
            try:
                return self.__next__()
            finally:
                self._stretches.timeout = None
