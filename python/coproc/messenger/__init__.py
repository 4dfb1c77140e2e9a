from .._core import DataMessage, LinkOptions
from .multimessenger import MultiMessenger
from .prioritymessenger import PriorityMessenger

__all__ = ["DataMessage", "LinkOptions", "MultiMessenger", "PriorityMessenger"]
