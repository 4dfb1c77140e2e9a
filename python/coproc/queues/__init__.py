"""The queues and counters behind messengers, for programs that move messages by other means."""

from .multiqueue import FifoQueue, MultiQueue, QueueEmptyError
from .prioritymultiqueue import PriorityMultiQueue
from .priorityqueue import PriorityQueue
from .requestctr import RequestCtr

__all__ = ["FifoQueue", "MultiQueue", "PriorityMultiQueue", "PriorityQueue", "QueueEmptyError", "RequestCtr"]
