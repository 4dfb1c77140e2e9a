"""One map: where its tasks come from, and its results on their way to their reader."""

import collections
import itertools
import operator
import threading

from .. import _core
from ..errors import TaskCancelledError
from .drawn import Drawn, holds_its_items
from .failures import Failed, error_of_task


class Job:
    """The tasks of an iterable. Results are kept in stretches, as they come, until they are read."""

    callbacks = ()

    def __init__(self, source, is_ordered, chunksize, stop_on_error, most_ahead):
        self.chunksize = chunksize
        self.is_closed = False
        self.thread = threading.get_ident()  # that reads the results, and so the input
        self.is_awaited = False  # by that thread, just now
        self.served = 0  # when it was given a worker for the last time
        self.waiting = 0  # tasks that were pulled, and that no worker has
        self.pulled = 0
        self.taken = 0  # that have come
        self._takes_copies = not holds_its_items(source)
        self._source = iter(source)
        self._is_ordered = is_ordered
        self._stops = stop_on_error
        self._most_ahead = most_ahead
        self._ready = (
            {} if is_ordered else collections.deque()
        )  # by the index of their first: lists of results, or exceptions
        self._next = 0
        self.is_exhausted = False
        self._error = None

    # ---- for the crew ----

    def wants_input(self):
        return (
            not self.is_closed
            and not self.is_exhausted
            and (self._most_ahead is None or self.pulled - self._next < self._most_ahead)
        )

    def pull(self, count, main_names):
        """Up to so many of the next tasks; an empty list: there are none, or enough results wait to be read. `main_names`: of the workers."""
        if self.is_closed or self.is_exhausted:
            return []
        if self._most_ahead is not None:
            count = min(count, self._most_ahead - (self.pulled - self._next))
            if count <= 0:
                return []
        items = []
        try:
            if self._takes_copies:
                _core.draw(items, self._source, count, lambda item: Drawn.of(item, main_names))
            else:
                items.extend(itertools.islice(self._source, count))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # of the input: raised behind the results of what came before it
            self._error = error_of_task(error, "the input of a map")
        self.is_exhausted = len(items) < count
        self.pulled += len(items)
        return items

    def take(self, first, results):
        self.taken += len(results)
        self._put(first, results)

    def fail(self, index, exception):
        self.taken += 1
        if self._stops:
            self.is_exhausted = True
        self._put(index, error_of_task(exception, f"task {index}"))

    def end(self, error):
        """Nothing more comes."""
        if not self.is_exhausted and self._error is None:
            self._error = error
        self.is_closed = True

    def _put(self, first, found):
        if self.is_closed:
            return  # nobody reads it
        if self._is_ordered:
            self._ready[first] = found
        else:
            self._ready.append(found)

    # ---- for the reader ----

    def has_news(self):
        return self.has_next() or self.is_closed or self.is_finished()

    def has_next(self):
        return self._next in self._ready if self._is_ordered else bool(self._ready)

    def is_finished(self):
        return self.is_exhausted and self.taken == self.pulled and not self._ready

    def raise_what_ended_it(self):
        """The error of the input; or that the pool was stopped before all had ended."""
        error, self._error = self._error, None
        if error is None and not self.is_finished():
            error = TaskCancelledError("the pool was stopped before all tasks of this map had ended")
        if error is not None:
            try:
                raise error
            finally:
                error = None  # its traceback holds this frame

    def next_stretch(self):
        """A list of results, or an exception in the place of one."""
        found = self._ready.pop(self._next) if self._is_ordered else self._ready.popleft()
        self._next += len(found) if isinstance(found, list) else 1
        return found


def length_of(source):
    """None: it has none. (A progress bar over a generator has a `__len__` that raises.)"""
    try:
        return operator.index(len(source))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return None


def split(first, results):
    """(first index, results or exception) of the stretches between failed tasks."""
    start = 0
    while (i := _core.find_type(results, Failed, start)) >= 0:
        if i > start:
            yield first + start, results[start:i]
        yield first + i, results[i].exception()
        start = i + 1
    if start == 0:
        yield first, results
    elif start < len(results):
        yield first + start, results[start:]
