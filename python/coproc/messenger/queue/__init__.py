"""The queues of messengers, in the module where older versions had them."""

from ...queues import MultiQueue, PriorityMultiQueue, PriorityQueue
from ..messages import ChannelID

__all__ = ["ChannelID", "MultiQueue", "PriorityMultiQueue", "PriorityQueue"]
