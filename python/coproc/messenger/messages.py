"""The types of messages, channels and data."""

import enum
import typing

from .._core import DataMessage

#: The type of the names of channels.
ChannelID = typing.Hashable
SendPayloadType = typing.TypeVar("SendPayloadType")
RecvPayloadType = typing.TypeVar("RecvPayloadType")


class MessageType(enum.Enum):
    """The kinds of messages of the old package.

    There errors and close requests were messages, too. Now receives return only data, and raise the others.
    """

    DATA_PAYLOAD = enum.auto()
    CLOSE_REQUEST = enum.auto()
    ENCOUNTERED_ERROR = enum.auto()


__all__ = ["ChannelID", "DataMessage", "MessageType", "RecvPayloadType", "SendPayloadType"]
