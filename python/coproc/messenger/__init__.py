from .._core import LinkOptions
from ..errors import MessageNotRecognizedError, ResourceRequestedClose
from ..queues import MultiQueue, PriorityMultiQueue, PriorityQueue, RequestCtr
from .messages import ChannelID, DataMessage, RecvPayloadType, SendPayloadType
from .multimessenger import MultiMessenger
from .prioritymessenger import PriorityMessenger
from .stream import ReplyStream, Stream

__all__ = [
    "ChannelID",
    "DataMessage",
    "LinkOptions",
    "MessageNotRecognizedError",
    "MultiMessenger",
    "MultiQueue",
    "PriorityMessenger",
    "PriorityMultiQueue",
    "PriorityQueue",
    "RecvPayloadType",
    "ReplyStream",
    "RequestCtr",
    "ResourceRequestedClose",
    "SendPayloadType",
    "Stream",
]
