"""What both kinds of messengers have."""

import types
from multiprocessing import context

from .. import _core
from ..array import empty_in
from ..queues import RequestCtr
from .asynchronous import AsyncReceiver


class Messenger(_core.Messenger, AsyncReceiver):
    """One end of a link: sends and receives.

    One thread at a time waits for messages; others may send and look meanwhile, for which it steps aside. Channels are any hashable, picklable
    objects; equal ones are the same channel. Times are seconds, None waits for ever. `PriorityMessenger[Sent, Received]` is the same class.
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
        """Two messengers joined by a link of their own, for two threads or processes. `link`: LinkOptions.

        One that has not been used yet can be passed to a process: as a start argument of a WorkerResource, or as an argument of a
        `multiprocessing.Process`. A process that has passed one on in the latter way closes its own copy after the process was started.
        """
        first, second = _core.new_pair(cls._reorders, link or _core.LinkOptions())
        return cls(first, codec=codec), cls(second, codec=codec)

    def close(self):
        """Let go of the link: the other side gets PeerClosedError. Also in a process that has passed it to another one."""
        super().close()
        self._look_again()

    # ---- sending ----

    def send_data_message(self, payload, request_reply, is_reply, channel_id=None):
        """`send_request`, `send_reply` or `send_norequest`."""
        if request_reply and is_reply:
            raise ValueError("send_data_message: a message is a request or a reply, not both")
        send = self.send_request if request_reply else self.send_reply if is_reply else self.send_norequest
        send(payload, channel_id)

    def send_error(self, exception, print_trace=False, *, timeout=None):
        """The other side's next receive raises this exception, before all that is queued. `print_trace`: also print it here, on stderr."""
        if not isinstance(exception, BaseException):
            raise TypeError(f"send_error: {exception!r} is no exception")
        if print_trace:
            import traceback

            traceback.print_exception(exception)
        self._send_error(exception, timeout)

    def empty(self, shape, dtype=float):
        """A NumPy array in memory that this link shares, to be filled and sent: whatever its size, that copies nothing.

        Its elements hold anything. What is sent stays readable here; while the other side has it, both see what either writes. Sent
        again meanwhile, or through another messenger, it is copied. LoanError: there is no room. A process that is forked from this
        one does not have the memory.
        """
        return empty_in(self, shape, dtype)

    # ---- receiving ----

    def receive_remaining(self, channel_id=None, *, timeout=None):
        """The replies of this channel as they come, until every request is answered; other messages stay queued.

        `timeout` is for each. Errors are raised after the replies that came before; a new loop goes on.
        """
        while self.remaining(channel_id) > 0:
            yield self._receive_next_reply(channel_id, timeout)

    def receive_remaining_messages(self, channel_id=None, *, timeout=None):
        """The same as DataMessages."""
        while self.remaining(channel_id) > 0:
            yield self._receive_next_reply_message(channel_id, timeout)

    # ---- looking ----

    @property
    def request_ctr(self):
        """The counters of the channels that were used here, as they are now."""
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
            return type(self), ()
        if held is None:
            raise TypeError(
                "a messenger that is in use cannot go to another process: make a pair for it with new_pair(), and pass the unused end"
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
