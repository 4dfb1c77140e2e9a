import dataclasses
import typing

from .multiqueue import Item, MultiQueue
from .priorityqueue import PriorityQueue


@dataclasses.dataclass
class PriorityMultiQueue(MultiQueue[Item]):
    """A priority queue for each channel. A channel without items takes no memory."""

    queues: typing.Dict[typing.Hashable, PriorityQueue[Item]] = dataclasses.field(default_factory=dict)

    def put(self, item: Item, priority: float = float("-inf"), channel_id: typing.Hashable = None) -> None:
        """ValueError for a NaN priority; then the queue is as it was."""
        self._put(channel_id, PriorityQueue, item, priority)
