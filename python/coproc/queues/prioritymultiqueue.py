import dataclasses
import typing

from .multiqueue import Item, MultiQueue
from .priorityqueue import PriorityQueue


@dataclasses.dataclass
class PriorityMultiQueue(MultiQueue[Item]):
    """A priority queue for each channel. It never blocks. A channel without items takes no memory.

    :param queues: the queues of the channels that have items, by channel; empty by default
    """

    queues: typing.Dict[typing.Hashable, PriorityQueue[Item]] = dataclasses.field(default_factory=dict)

    def put(self, item: Item, priority: float = float("-inf"), channel_id: typing.Hashable = None) -> None:
        """Add an item to the queue of a channel. A call that raises changes nothing.

        :param item: the item
        :param priority: a number, lower is returned first; minus infinity by default
        :param channel_id: the channel; None by default
        :raises ValueError: if the priority is NaN
        :raises TypeError: if the priority is not a number
        """
        self._put(channel_id, PriorityQueue, item, priority)
