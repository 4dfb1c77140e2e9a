"""The queues of messengers, where older versions had them."""

from ...queues import MultiQueue, PriorityMultiQueue, PriorityQueue
from ..messages import ChannelID

__all__ = ["ChannelID", "MultiQueue", "PriorityMultiQueue", "PriorityQueue"]
