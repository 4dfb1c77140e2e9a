"""Handles inputs that may change an item when the next one is drawn, such as a generator that refills one buffer."""

import array
import collections
import copy
import operator

_CONTAINERS = (
    list, tuple, range, str, bytes, bytearray, dict, set, frozenset, collections.deque, array.array,
    type({}.keys()), type({}.values()), type({}.items()),
)  # fmt: skip


def holds_its_items(source):
    """Return whether all items of an input exist before the first one is drawn."""
    kind = type(source)
    return any(kind is container for container in _CONTAINERS) or (kind.__module__, kind.__name__) == (
        "numpy",
        "ndarray",
    )


def length_of(source):
    """Return the length of an input, or None. (A progress bar over a generator has a `__len__` that raises.)"""
    try:
        return operator.index(len(source))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return None


_REUSABLE = (list, bytearray, dict, set, collections.deque, array.array)


def snapshot(item):
    """Return a shallow copy of a buffer or container, which its producer may refill, and any other item itself.

    It serves workers that are forked: their items need not be pickled, and the contents of a container may be large.
    """
    kind = type(item)
    if kind is tuple:
        return tuple(snapshot(each) for each in item)
    if kind in _REUSABLE or (kind.__module__, kind.__name__) == ("numpy", "ndarray"):
        return copy.copy(item)
    if kind is memoryview and item.c_contiguous:
        return memoryview(bytearray(item)).cast("B").cast(item.format, item.shape) if item.nbytes else item
    return item
