import collections
import dataclasses
import typing


@dataclasses.dataclass
class RequestCtr:
    """Counts of messages, requests and replies for each channel.

    :param requests: the requests that were sent, by channel; none by default
    :param replies: the replies that were received, by channel; none by default
    :param sent: the messages that were sent, by channel; none by default
    :param received: the messages that were received, by channel; none by default
    """

    requests: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    replies: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    sent: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    received: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def remaining(self, channel_id: typing.Hashable = None) -> int:
        """Return how many requests of a channel have no reply yet.

        :param channel_id: the channel; None by default
        :return: the number of requests, never negative
        """
        return max(0, self.requests[channel_id] - self.replies[channel_id])

    def requests_sent(self, channel_id: typing.Hashable = None) -> int:
        """Return how many requests were sent on a channel.

        :param channel_id: the channel; None by default
        :return: the number of requests
        """
        return self.requests[channel_id]

    def replies_received(self, channel_id: typing.Hashable = None) -> int:
        """Return how many replies were received on a channel.

        :param channel_id: the channel; None by default
        :return: the number of replies
        """
        return self.replies[channel_id]

    def messages_sent(self, channel_id: typing.Hashable = None) -> int:
        """Return how many messages were sent on a channel.

        :param channel_id: the channel; None by default
        :return: the number of messages
        """
        return self.sent[channel_id]

    def messages_received(self, channel_id: typing.Hashable = None) -> int:
        """Return how many messages were received on a channel.

        :param channel_id: the channel; None by default
        :return: the number of messages
        """
        return self.received[channel_id]

    def sent_request(self, channel_id: typing.Hashable = None) -> None:
        """Count a request that was sent on a channel.

        :param channel_id: the channel; None by default
        """
        self.requests[channel_id] += 1

    def received_reply(self, channel_id: typing.Hashable = None) -> None:
        """Count a reply that was received on a channel.

        :param channel_id: the channel; None by default
        """
        self.replies[channel_id] += 1

    def sent_message(self, channel_id: typing.Hashable = None) -> None:
        """Count a message that was sent on a channel.

        :param channel_id: the channel; None by default
        """
        self.sent[channel_id] += 1

    def received_message(self, channel_id: typing.Hashable = None) -> None:
        """Count a message that was received on a channel.

        :param channel_id: the channel; None by default
        """
        self.received[channel_id] += 1
