import collections
import dataclasses
import typing

Item = typing.TypeVar("Item")


class QueueEmptyError(IndexError):
    """`get` was called on an empty queue. Call `empty()` first."""


class FifoQueue(typing.Generic[Item]):
    """A queue that returns items in the order in which they were put. It never blocks."""

    def __init__(self):
        self._items = collections.deque()

    def put(self, item: Item) -> None:
        """Append an item.

        :param item: the item
        """
        self._items.append(item)

    def get(self) -> Item:
        """Remove and return the item that was put first.

        :return: the item
        :raises QueueEmptyError: if there is none; it is an IndexError
        """
        if not self._items:
            raise QueueEmptyError("get from an empty queue")
        return self._items.popleft()

    def empty(self) -> bool:
        """Return whether the queue has no items."""
        return not self._items

    def size(self) -> int:
        """Return the number of items."""
        return len(self._items)

    __len__ = size

    def __repr__(self):
        return f"{type(self).__name__}({list(self._items)!r})"


@dataclasses.dataclass
class MultiQueue(typing.Generic[Item]):
    """A first-in, first-out queue for each channel. It never blocks. A channel without items takes no memory.

    :param queues: the queues of the channels that have items, by channel; empty by default
    """

    queues: typing.Dict[typing.Hashable, FifoQueue[Item]] = dataclasses.field(default_factory=dict)

    def put(self, item: Item, channel_id: typing.Hashable = None) -> None:
        """Append an item to the queue of a channel.

        :param item: the item
        :param channel_id: the channel; None by default
        """
        self._put(channel_id, FifoQueue, item)

    def get(self, channel_id: typing.Hashable = None) -> Item:
        """Remove and return the next item of a channel.

        :param channel_id: the channel; None by default
        :return: the item
        :raises QueueEmptyError: if there is none; it is an IndexError
        """
        queue = self.queues.get(channel_id)
        if queue is None or queue.empty():
            raise QueueEmptyError(f"get from channel {channel_id!r}, which is empty")
        item = queue.get()
        if queue.empty():
            del self.queues[channel_id]
        return item

    def empty(self, channel_id: typing.Hashable = None) -> bool:
        """Return whether a channel has no items.

        :param channel_id: the channel; None by default
        :return: whether it has none
        """
        return self.size(channel_id) == 0

    def size(self, channel_id: typing.Hashable = None) -> int:
        """Return how many items a channel has.

        :param channel_id: the channel; None by default
        :return: the number of items
        """
        queue = self.queues.get(channel_id)
        return 0 if queue is None else queue.size()

    def __getitem__(self, channel_id: typing.Hashable):
        """Return the queue of a channel. Raises KeyError if it has no items."""
        return self.queues[channel_id]

    def __contains__(self, channel_id: typing.Hashable) -> bool:
        """Return whether a channel has items."""
        return channel_id in self.queues

    def _put(self, channel_id, kind, *item):
        queue = self.queues.get(channel_id)
        if queue is None:
            queue = kind()
            queue.put(*item)
            self.queues[channel_id] = queue  # at the end, so that a put that raises changes nothing
        else:
            queue.put(*item)
