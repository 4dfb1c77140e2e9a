import collections
import dataclasses
import typing


@dataclasses.dataclass
class RequestCtr:
    """Counts messages, requests and replies for each channel."""

    requests: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    replies: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    sent: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    received: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def remaining(self, channel_id: typing.Hashable = None) -> int:
        """Requests that are not answered yet. Never negative."""
        return max(0, self.requests[channel_id] - self.replies[channel_id])

    def requests_sent(self, channel_id: typing.Hashable = None) -> int:
        return self.requests[channel_id]

    def replies_received(self, channel_id: typing.Hashable = None) -> int:
        return self.replies[channel_id]

    def messages_sent(self, channel_id: typing.Hashable = None) -> int:
        return self.sent[channel_id]

    def messages_received(self, channel_id: typing.Hashable = None) -> int:
        return self.received[channel_id]

    def sent_request(self, channel_id: typing.Hashable = None) -> None:
        self.requests[channel_id] += 1

    def received_reply(self, channel_id: typing.Hashable = None) -> None:
        self.replies[channel_id] += 1

    def sent_message(self, channel_id: typing.Hashable = None) -> None:
        self.sent[channel_id] += 1

    def received_message(self, channel_id: typing.Hashable = None) -> None:
        self.received[channel_id] += 1
