"""One map: where its tasks come from, and its results on their way to who reads them."""

import itertools

from ..errors import TaskCancelledError
from .worker import Failed


class Job:
    """The tasks of an iterable. Results are kept in stretches, as they come, until they are read."""

    def __init__(self, source, is_ordered, chunksize, stop_on_error, most_ahead):
        self.chunksize = chunksize
        self.is_closed = False
        self.pulled = 0
        self.taken = 0  # that have come
        self._source = iter(source)
        self._is_ordered = is_ordered
        self._stops = stop_on_error
        self._most_ahead = most_ahead
        self._ready = {} if is_ordered else []  # by the index of their first: lists of results, or exceptions
        self._next = 0
        self._is_exhausted = False
        self._error = None

    # ---- for the crew ----

    def pull(self, count):
        """Up to so many of the next tasks; an empty list: there are none, or enough results wait to be read."""
        if self.is_closed or self._is_exhausted:
            return []
        if self._most_ahead is not None:
            count = min(count, self._most_ahead - (self.pulled - self._next))
            if count <= 0:
                return []
        items = []
        try:
            items.extend(itertools.islice(self._source, count))
        except Exception as error:  # of the input: raised behind the results of what came before it
            self._error = error
        self._is_exhausted = len(items) < count
        self.pulled += len(items)
        return items

    def take(self, first, results):
        self.taken += len(results)
        self._put(first, results)

    def fail(self, index, exception):
        self.taken += 1
        if self._stops:
            self._is_exhausted = True
        self._put(index, exception)

    def _put(self, first, found):
        if self._is_ordered:
            self._ready[first] = found
        else:
            self._ready.append(found)

    # ---- for the reader ----

    def has_next(self):
        return self._next in self._ready if self._is_ordered else bool(self._ready)

    def is_finished(self):
        return self._is_exhausted and self.taken == self.pulled and not self._ready

    def raise_what_ended_it(self):
        """The error of the input; or that the pool was stopped before all had ended."""
        if self._error is not None:
            raise self._error
        if not self.is_finished():
            raise TaskCancelledError("the pool was stopped before all tasks of this map had ended")

    def next_stretch(self):
        """A list of results, or an exception in the place of one."""
        found = self._ready.pop(self._next) if self._is_ordered else self._ready.pop(0)
        self._next += len(found) if isinstance(found, list) else 1
        return found


def split(first, results):
    """(first index, results or exception) of the stretches between failed tasks."""
    if Failed not in map(type, results):
        yield first, results
        return
    start = 0
    for i, result in enumerate(results):
        if type(result) is Failed:
            if i > start:
                yield first + start, results[start:i]
            yield first + i, result.exception()
            start = i + 1
    if start < len(results):
        yield first + start, results[start:]
