"""The names of messages, and of what they hold."""

import enum
import typing

from .._core import DataMessage

#: What names a channel.
ChannelID = typing.Hashable
SendPayloadType = typing.TypeVar("SendPayloadType")
RecvPayloadType = typing.TypeVar("RecvPayloadType")


class MessageType(enum.Enum):
    """Of the old package, where errors and close requests were messages, too. What a receive returns is data."""

    DATA_PAYLOAD = enum.auto()
    CLOSE_REQUEST = enum.auto()
    ENCOUNTERED_ERROR = enum.auto()


__all__ = ["ChannelID", "DataMessage", "MessageType", "RecvPayloadType", "SendPayloadType"]
