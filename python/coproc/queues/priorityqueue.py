import heapq
import itertools
import typing

from .multiqueue import Item, QueueEmptyError


class PriorityQueue(typing.Generic[Item]):
    """A queue that returns items in the order of their priorities. It never blocks.

    Lower priorities come first, and items with equal priorities in the order in which they were put. A priority is any
    number but NaN, and is compared exactly. Items are never compared.
    """

    def __init__(self):
        self._heap = []
        self._count = itertools.count()

    def put(self, item: Item, priority: float = float("-inf")) -> None:
        """Add an item. A call that raises changes nothing.

        :param item: the item
        :param priority: a number, lower is returned first; minus infinity by default
        :raises ValueError: if the priority is NaN
        :raises TypeError: if the priority is not a number
        """
        try:
            is_nan = priority != priority
            priority < 0  # noqa: B015  raises TypeError unless it is a number with an order
        except TypeError:
            raise TypeError(f"a priority is a number, not {priority!r}") from None
        if is_nan:
            raise ValueError("a priority that is NaN has no place in any order: give a number")
        heapq.heappush(self._heap, (priority, next(self._count), item))

    def get(self) -> Item:
        """Remove and return the first item.

        :return: the item
        :raises QueueEmptyError: if there is none; it is an IndexError
        """
        if not self._heap:
            raise QueueEmptyError("get from an empty PriorityQueue")
        return heapq.heappop(self._heap)[2]

    def empty(self) -> bool:
        """Return whether the queue has no items."""
        return not self._heap

    def size(self) -> int:
        """Return the number of items."""
        return len(self._heap)

    __len__ = size

    def __repr__(self):
        return f"PriorityQueue({[(priority, item) for priority, _, item in sorted(self._heap, key=lambda e: e[:2])]!r})"
