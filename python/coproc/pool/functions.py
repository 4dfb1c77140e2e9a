"""The functions of a pool: each travels to a worker once, as long as few and small ones are kept."""

import collections
import dataclasses
import itertools

#: What is kept of functions, in the host and in each worker: so many, and so many bytes of their pickles.
_MOST, _MOST_BYTES = 256, 4 << 20


@dataclasses.dataclass
class Call:
    """What the tasks of a job have in common."""

    number: int
    function: bytes
    mode: int
    time_limit: float
    max_retries: int
    chunksize: int = 1  # where the user gave none: it is learned


class _Kept:
    """By their keys, sizes of what is kept; those that were used longest ago are dropped first."""

    def __init__(self):
        self._sizes = collections.OrderedDict()
        self._bytes = 0

    def __contains__(self, key):
        return key in self._sizes

    def use(self, key):
        self._sizes.move_to_end(key)

    def add(self, key, size):
        """The keys that are dropped for it."""
        self._sizes[key] = size
        self._bytes += size
        return self.drop(1)

    def is_over(self):
        """Whether even the last one is more than may be kept."""
        return self._bytes > _MOST_BYTES

    def remove(self, key):
        self._bytes -= self._sizes.pop(key)

    def drop(self, fewest):
        """The keys of what is dropped, since it is more than may be kept; so many stay however large they are."""
        dropped = []
        while len(self._sizes) > max(fewest, _MOST if self._bytes <= _MOST_BYTES else 0):
            key, size = self._sizes.popitem(last=False)
            self._bytes -= size
            dropped.append(key)
        return dropped


class Functions:
    """The host's: their numbers. None is used again, since tasks of forgotten ones may still wait."""

    def __init__(self):
        self._kept = _Kept()
        self._entries = {}  # by the pickles: their numbers, and what was learned of the submitted ones
        self._next_number = itertools.count().__next__

    def number_of(self, function):
        return self._entry(function)[0]

    def submitted(self, function, mode, time_limit, max_retries):
        """The Call of all its submits: what is learned of one is good for the next."""
        number, calls = self._entry(function)
        key = (time_limit, max_retries)
        if key not in calls:
            calls[key] = Call(number, function, mode, time_limit, max_retries)
        return calls[key]

    def _entry(self, function):
        entry = self._entries.get(function)
        if entry is not None:
            self._kept.use(function)
            return entry
        entry = self._entries[function] = self._next_number(), {}
        for dropped in self._kept.add(function, len(function)) + self._kept.drop(0):
            del self._entries[dropped]
        return entry


class KnownFunctions(_Kept):
    """Those that a worker has, by their numbers."""
