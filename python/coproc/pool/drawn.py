"""Inputs that may change an item when the next one is asked for: a generator that fills the same buffer again."""

import array
import collections
import copy
import operator

_CONTAINERS = (
    list, tuple, range, str, bytes, bytearray, dict, set, frozenset, collections.deque, array.array,
    type({}.keys()), type({}.values()), type({}.items()),
)  # fmt: skip


def holds_its_items(source):
    """Whether all its items are there before the first one is asked for."""
    kind = type(source)
    return any(kind is container for container in _CONTAINERS) or (kind.__module__, kind.__name__) == (
        "numpy",
        "ndarray",
    )


def length_of(source):
    """None: it has none. (A progress bar over a generator has a `__len__` that raises.)"""
    try:
        return operator.index(len(source))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return None


_REUSABLE = (list, bytearray, dict, set, collections.deque, array.array)


def snapshot(item):
    """A buffer or container as it is now: what fills it again changes the original. Anything else is the item itself.

    For workers that are forked, to which items need not be pickled, and what is in a container may be large.
    """
    kind = type(item)
    if kind is tuple:
        return tuple(snapshot(each) for each in item)
    if kind in _REUSABLE or (kind.__module__, kind.__name__) == ("numpy", "ndarray"):
        return copy.copy(item)
    if kind is memoryview and item.c_contiguous:
        return memoryview(bytearray(item)).cast("B").cast(item.format, item.shape) if item.nbytes else item
    return item
