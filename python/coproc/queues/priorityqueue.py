import heapq
import itertools
import typing

from .multiqueue import Item, QueueEmptyError


class PriorityQueue(typing.Generic[Item]):
    """Items in the order of their priorities: lower first, equal ones in the order in which they were put.

    A priority is any number but NaN, compared exactly. Items are never compared.
    """

    def __init__(self):
        self._heap = []
        self._count = itertools.count()

    def put(self, item: Item, priority: float = float("-inf")) -> None:
        """ValueError for NaN, TypeError for what is no number; then the queue is as it was."""
        try:
            is_nan = priority != priority
            priority < 0  # noqa: B015  only whether it is a number with an order
        except TypeError:
            raise TypeError(f"a priority is a number, not {priority!r}") from None
        if is_nan:
            raise ValueError("a priority that is NaN has no place in any order: give a number")
        heapq.heappush(self._heap, (priority, next(self._count), item))

    def get(self) -> Item:
        """Take out the first item. QueueEmptyError, an IndexError."""
        if not self._heap:
            raise QueueEmptyError("get from an empty PriorityQueue")
        return heapq.heappop(self._heap)[2]

    def empty(self) -> bool:
        return not self._heap

    def size(self) -> int:
        return len(self._heap)

    __len__ = size

    def __repr__(self):
        return f"PriorityQueue({[(priority, item) for priority, _, item in sorted(self._heap, key=lambda e: e[:2])]!r})"
