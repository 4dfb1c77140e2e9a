"""The common base class of PriorityMessenger and MultiMessenger."""

import types
from multiprocessing import context

from .. import _core
from ..array import empty_in
from ..queues import RequestCtr
from .asynchronous import AsyncReceiver
from .stream import Stream


class Messenger(_core.Messenger, AsyncReceiver):
    """One end of a link, which sends and receives messages.

    The worker's end is the first argument of its target, and the host's end is `worker.messenger`. `new_pair` makes
    pairs of ends. Channels are any hashable objects that can be pickled; equal objects are the same channel. Times are
    seconds.

    One thread at a time may wait for messages. Meanwhile other threads may send and look, and the waiting thread lets
    them in. In a process that was forked from the one that uses the link, calls raise NotOwnerError. Every call may
    raise ProtocolError, if the other side has broken the rules of the link, and OSError or MemoryError, if the system
    refuses descriptors, address space or memory.

    `PriorityMessenger[Sent, Received]` is the same class, for type checkers.

    :param end: For the module itself: an end of a link that is not used yet.
    :param codec: 'pickle', the default, or 'msgpack', which sends only what other languages know and unpickles nothing.
    :raises ValueError: if `codec` is another one
    """

    _reorders = True
    _is_of_worker = False  # it gets its link in the worker that is started with it
    __class_getitem__ = classmethod(types.GenericAlias)

    def __init__(self, end=None, *, codec="pickle"):
        if codec not in ("pickle", "msgpack"):
            raise ValueError(f"codec: 'pickle' or 'msgpack', not {codec!r}")
        super().__init__(self._reorders, codec == "pickle")
        if end is not None:
            self._hold(end)

    @classmethod
    def new_pair(cls, link=None, *, codec="pickle"):
        """Make two messengers that are joined by a link of their own, for two threads or processes. Does not block.

        An end that was not used yet can be passed to a process: as a start argument of a WorkerResource, which closes
        it in this process, or as an argument of a `multiprocessing.Process`. In the latter case call `close` on this
        process's copy when the process has been started; otherwise the other end does not notice when it ends.

        :param link: the LinkOptions of the link; None, the default, stands for `LinkOptions()`
        :param codec: 'pickle', the default, or 'msgpack', for both ends
        :return: the two messengers
        :raises ValueError: if `codec` is another one, or one of the options is invalid
        :raises OSError: if the system refuses descriptors or memory
        """
        first, second = _core.new_pair(cls._reorders, link or _core.LinkOptions())
        return cls(first, codec=codec), cls(second, codec=codec)

    def close(self):
        """Give up the link. The other end of a pair raises PeerClosedError when it has received everything.

        A process that has passed an end to a `multiprocessing.Process` calls this, too, for its own copy. Do not close
        the messenger of a worker in its host, which could not use it any more, also after a new start: call `stop` of
        the worker. A second call does nothing. Does not block.

        :raises ConcurrentUseError: if another thread waits in this messenger; `interrupt` it first
        """
        super().close()
        self._look_again()

    # ---- sending ----

    def send_data_message(self, payload, request_reply, is_reply, channel_id=None):
        """Send data as a request, a reply, or a message that expects no reply: a name of the old package.

        Blocks only while the link is full, without a limit.

        :param payload: the data
        :param request_reply: whether to call `send_request`
        :param is_reply: whether to call `send_reply`; if neither is true, `send_norequest` is called
        :param channel_id: the channel; None, the default, is the default channel
        :raises ValueError: if both are true
        :raises Exception: what the method raises that is called
        """
        if request_reply and is_reply:
            raise ValueError("send_data_message: a message is a request or a reply, not both")
        send = self.send_request if request_reply else self.send_reply if is_reply else self.send_norequest
        send(payload, channel_id)

    def send_error(self, exception, print_trace=False, *, timeout=None):
        """Send an exception, which the other side's next receive raises.

        It belongs to no channel, answers no request, and overtakes messages that the other side has not received yet.
        Those stay receivable. Blocks only while the link is full.

        :param exception: The exception. If it cannot be pickled, the other side raises RemoteError.
        :param print_trace: whether to print it with its traceback on stderr here, too; False by default
        :param timeout: The seconds for which the send waits while the link is full. None, the default: for ever.
        :raises TypeError: if `exception` is not an exception
        :raises TimeoutError: if the link was full for all of `timeout`
        :raises LinkClosedError: if this messenger was closed or has called `send_end`
        :raises WorkerDiedError: if the send waits and the worker has ended; in a worker it is a HostDiedError, and at
            an end of a pair a PeerClosedError
        :raises InterruptedError: if the send waits and `interrupt` is called
        """
        if not isinstance(exception, BaseException):
            raise TypeError(f"send_error: {exception!r} is no exception")
        if print_trace:
            import traceback

            traceback.print_exception(exception)
        self._send_error(exception, timeout)

    def empty(self, shape, dtype=float):
        """Make a NumPy array in memory that this link shares. Sending it copies nothing, whatever its size.

        Its elements are not initialised. The array stays readable here after the send; while the other side has it,
        both sides see what either of them writes. If it is sent once more meanwhile, in part, or through another
        messenger, it is copied. A process that is forked from this one does not have the memory. Does not block.

        :param shape: the length, or a sequence of lengths
        :param dtype: the type of the elements, float by default
        :return: the array
        :raises ValueError: if a length is negative, or the elements are Python objects
        :raises TypeError: if `shape` or `dtype` is not one
        :raises LoanError: if there is no room: receive something, since the other side may wait for that, or send an
            ordinary array
        :raises MessageTooLargeError: if the array is larger than `LinkOptions.max_message_bytes`
        :raises LinkClosedError: if this messenger was closed
        :raises ImportError: if NumPy is not installed
        """
        return empty_in(self, shape, dtype)

    # ---- receiving ----

    def receive_remaining(self, channel_id=None, *, timeout=None):
        """Iterate over the replies of this channel until every request is answered. Other messages stay queued.

        Each step blocks until a reply is there. Errors are raised after the replies that came before them; a new call
        continues.

        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait for each of the replies. None, the default: for ever.
        :return: an iterator over the data of the replies
        :raises Exception: what `receive_blocking` raises, when the iterator is advanced
        """
        while self.remaining(channel_id) > 0:
            yield self._receive_next_reply(channel_id, timeout)

    def receive_remaining_messages(self, channel_id=None, *, timeout=None):
        """Iterate over the replies of this channel as DataMessages, until every request is answered.

        As `receive_remaining`, except that a reply by `reply_error_to` is returned, and its `payload` raises.

        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait for each of the replies. None, the default: for ever.
        :return: an iterator over DataMessages
        :raises Exception: what `receive_message_blocking` raises, when the iterator is advanced
        """
        while self.remaining(channel_id) > 0:
            yield self._receive_next_reply_message(channel_id, timeout)

    # ---- streams ----

    def stream(self, data, channel_id=None, *, timeout=None, each=None, window_bytes=0, priority=None):
        """Send a request that is answered in several parts, and return these as they arrive.

            for row in worker.messenger.stream("find"):
                ...

        In asyncio it is `async for`. The other side answers by `reply_part_to` and `end_reply_to`, or by a ReplyStream.
        Nothing of it is a reply for other receives, or counts in `remaining`. Blocks only while the link is full. A
        call that raises has sent nothing.

        :param data: The object to send: anything that can be pickled, or with the codec 'msgpack' what MessagePack has.
        :param channel_id: The channel, any hashable object. None, the default, is the default channel.
        :param timeout: The seconds for which the send waits while the link is full. None, the default: for ever.
        :param each: The seconds for which a loop over the stream waits for each part. None, the default: for ever.
        :param window_bytes: The bytes of parts that may be on their way or unread, before the other side has to wait. A
            part counts 160 bytes besides its own. 0, the default, stands for half of `LinkOptions.ring_bytes`.
        :param priority: A number; lower is more urgent. None, the default, stands for the attribute `priority` of the
            data if that is a number, and otherwise for minus infinity, the most urgent.
        :return: the Stream
        :raises ValueError: if `window_bytes` is negative
        :raises Exception: what `send_request` raises
        """
        return Stream(self, data, channel_id, timeout, each, window_bytes, priority)

    # ---- looking ----

    @property
    def request_ctr(self):
        """The counts of requests, replies and messages of all channels that were used here: a RequestCtr, a copy."""
        counters = RequestCtr()
        for channel in (None, *self._channels):
            for counter, count in (
                (counters.requests, self.requests_sent(channel)),
                (counters.replies, self.replies_received(channel)),
                (counters.sent, self.messages_sent(channel)),
                (counters.received, self.messages_received(channel)),
            ):
                if count:
                    counter[channel] = count
        return counters

    def __repr__(self):
        if self.closed:
            return f"{type(self).__name__}(closed)"
        queues = {
            channel: f"<{size} queued>" for channel in (None, *self._channels) if (size := self.queue_size(channel))
        }
        return (
            f"{type(self).__name__}(pipe=<coproc.Link object at {id(self):#x}>, "
            f"queue={self._queue_name}(queues={queues}), request_ctr={self.request_ctr!r})"
        )

    # ---- to other processes ----

    def __reduce__(self):
        held = self._held
        if held is None and self._is_of_worker:
            context.assert_spawning(self)
            return _rebuild, (type(self), None, self.codec)
        if held is None:
            raise TypeError(
                "a messenger that is in use cannot go to another process: make a pair for it with new_pair(), and "
                "pass the unused end"
            )
        context.assert_spawning(self)
        return _rebuild, (type(self), _Carried(held), self.codec)


class _Carried:
    """An end of a link among the start arguments of a process."""

    def __init__(self, end):
        self.end = end

    def __reduce__(self):
        from multiprocessing.reduction import DupFd

        context.assert_spawning(self)
        return _arrive, ([DupFd(fd) for fd in self.end.fds()], self.end.description())


def _arrive(descriptors, description):
    return _core.LinkEnd([descriptor.detach() for descriptor in descriptors], description)


def _rebuild(kind, end, codec):
    return kind(end, codec=codec)
