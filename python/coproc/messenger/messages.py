"""The names of messages, and of what they hold."""

import typing

from .._core import DataMessage

#: What names a channel.
ChannelID = typing.Hashable
SendPayloadType = typing.TypeVar("SendPayloadType")
RecvPayloadType = typing.TypeVar("RecvPayloadType")

__all__ = ["ChannelID", "DataMessage", "RecvPayloadType", "SendPayloadType"]
