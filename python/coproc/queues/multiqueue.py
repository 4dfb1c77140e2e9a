import collections
import dataclasses
import typing

Item = typing.TypeVar("Item")


class QueueEmptyError(IndexError):
    """A `get` of a queue that holds nothing: ask `empty()` first."""


class FifoQueue(typing.Generic[Item]):
    """Items in the order in which they were put."""

    def __init__(self):
        self._items = collections.deque()

    def put(self, item: Item) -> None:
        self._items.append(item)

    def get(self) -> Item:
        """Take out the item that was put first. QueueEmptyError, an IndexError."""
        if not self._items:
            raise QueueEmptyError("get from an empty queue")
        return self._items.popleft()

    def empty(self) -> bool:
        return not self._items

    def size(self) -> int:
        return len(self._items)

    __len__ = size

    def __repr__(self):
        return f"{type(self).__name__}({list(self._items)!r})"


@dataclasses.dataclass
class MultiQueue(typing.Generic[Item]):
    """A first-in, first-out queue for each channel. A channel without items takes no memory."""

    queues: typing.Dict[typing.Hashable, FifoQueue[Item]] = dataclasses.field(default_factory=dict)

    def put(self, item: Item, channel_id: typing.Hashable = None) -> None:
        self._put(channel_id, FifoQueue, item)

    def get(self, channel_id: typing.Hashable = None) -> Item:
        """Take out the next item of this channel. QueueEmptyError, an IndexError."""
        queue = self.queues.get(channel_id)
        if queue is None or queue.empty():
            raise QueueEmptyError(f"get from channel {channel_id!r}, which is empty")
        item = queue.get()
        if queue.empty():
            del self.queues[channel_id]
        return item

    def empty(self, channel_id: typing.Hashable = None) -> bool:
        return self.size(channel_id) == 0

    def size(self, channel_id: typing.Hashable = None) -> int:
        queue = self.queues.get(channel_id)
        return 0 if queue is None else queue.size()

    def __getitem__(self, channel_id: typing.Hashable):
        """The queue of a channel. KeyError: it is empty."""
        return self.queues[channel_id]

    def __contains__(self, channel_id: typing.Hashable) -> bool:
        return channel_id in self.queues

    def _put(self, channel_id, kind, *item):
        queue = self.queues.get(channel_id)
        if queue is None:
            queue = kind()
            queue.put(*item)
            self.queues[channel_id] = queue  # only now: a put that raises leaves no trace
        else:
            queue.put(*item)
