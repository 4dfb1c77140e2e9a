"""Requests that are answered in several parts: the end that reads, and the end that answers."""

import contextlib

from .. import _core
from ..errors import Error, NoRequestError, StreamCancelledError, WorkerDiedError


class Stream(_core.Stream):
    __doc__ = _core.Stream.__doc__

    def __init__(self, messenger, data, channel_id, timeout, each, window_bytes, priority):
        super().__init__(messenger, data, channel_id, timeout, each, window_bytes, priority)
        self._messenger = messenger  # here, where the garbage collector sees it
        self._each = each

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cancel()

    def cancel(self):
        super().cancel()
        self._messenger._note_cancelled_stream()

    cancel.__doc__ = _core.Stream.cancel.__doc__

    async def next_async(self, default=None, *, timeout=None):
        """Wait for the next part without blocking the event loop, and return it.

        Cancelling the task loses no part.

        :param default: What to return if there are no more parts. None by default.
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the part, or `default`
        :raises TimeoutError: if no part has come in this time; the stream goes on
        :raises ConcurrentUseError: if a task of another event loop waits in the messenger
        :raises Exception: what `next` raises; ResourceRequestedClose only once
        """
        part = await self._messenger._first(self._try_next, timeout, self._progress)
        return part[0] if part else default

    def _progress(self):
        """Return what changes when a look of another task takes in a part, or reads the end."""
        return self.queued(), self.is_over

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            part = await self._messenger._first(self._try_next, self._each, self._progress)
        except StopAsyncIteration as error:  # of the other side; it must not look like the end
            raise RuntimeError("a part of a stream, or its error, raised StopAsyncIteration") from error
        if not part:
            raise StopAsyncIteration
        return part[0]


class ReplyStream:
    """The answer to a request that was sent by `stream`, as a `with` block that sends its parts.

        with coproc.ReplyStream(messenger, request) as rows:
            for row in find(request.payload):
                rows.send(row)

    Leaving the block ends the stream. An `Exception` that leaves the block is the answer behind the parts that were
    sent, and goes on. Only the StreamCancelledError of `send` and `try_send` does not: it ends the block. Any other
    BaseException, such as a close request, leaves the stream as it is.

    :param messenger: the messenger that has received the request
    :param request: the request, a DataMessage
    :raises NoRequestError: if the message is not a request
    """

    def __init__(self, messenger, request):
        if not request.request_reply:
            raise NoRequestError("ReplyStream: this message is not a request, so it has no answer")
        self._messenger = messenger
        self._request = request
        self._is_cancelled = False

    def send(self, part, *, timeout=None):
        """Send a part. Blocks while the window of the stream or the link is full, as `reply_part_to` does.

        :param part: The object to send: anything that can be pickled, or with the codec 'msgpack' what MessagePack has.
        :param timeout: The seconds for which the call waits. None, the default: for ever.
        :raises StreamCancelledError: if the other side has given up the stream
        :raises Exception: what `reply_part_to` raises
        """
        try:
            self._messenger.reply_part_to(self._request, part, timeout=timeout)
        except StreamCancelledError:
            self._is_cancelled = True
            raise

    def try_send(self, part):
        """Send a part if it may be sent now. Never waits.

        :param part: The object to send: anything that can be pickled, or with the codec 'msgpack' what MessagePack has.
        :return: whether it was sent; False: the window or the link is full
        :raises StreamCancelledError: if the other side has given up the stream
        :raises Exception: what `try_reply_part_to` raises
        """
        try:
            return self._messenger.try_reply_part_to(self._request, part)
        except StreamCancelledError:
            self._is_cancelled = True
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, trace):
        if exception is None:
            # If the block has answered the request by itself, or has not let a cancellation out, it is answered.
            with contextlib.suppress(NoRequestError):
                self._messenger.end_reply_to(self._request)
        elif self._is_cancelled and isinstance(exception, StreamCancelledError):
            return True
        elif isinstance(exception, Exception):
            with contextlib.suppress(Error, WorkerDiedError):  # the block's exception matters more
                self._messenger.reply_error_to(self._request, exception)
        return False
