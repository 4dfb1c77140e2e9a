"""Receives for asyncio, on the descriptor of the link: no thread is needed, and none is blocked."""

import asyncio
import functools
import select

from ..errors import ConcurrentUseError


class AsyncReceiver:
    """The awaitable receives of a messenger. Several tasks of a loop may wait, for different channels; cancelling loses no message."""

    async def receive_async(self, channel_id=None, *, timeout=None):
        """As `receive_blocking`, for asyncio."""
        return (await self._first(lambda: self._try_receive(channel_id, False), timeout, channel_id))[0]

    async def receive_message_async(self, channel_id=None, *, timeout=None):
        """As `receive_message_blocking`, for asyncio."""
        return await self._first(lambda: self._try_receive(channel_id, True), timeout, channel_id)

    async def receive_available_async(self, channel_id=None, *, timeout=None):
        """Wait until a message of this channel is there, and return all that are: a list that is not empty."""
        return await self._first(lambda: self.receive_available(channel_id) or None, timeout, channel_id)

    async def receive_reply_async(self, request_id, *, timeout=None):
        """As `receive_reply`, for asyncio."""

        def look():
            try:
                return (self.receive_reply(request_id, timeout=0),)
            except TimeoutError:
                return None

        return (await self._first(look, timeout))[0]

    async def receive_remaining_async(self, channel_id=None, *, timeout=None):
        """As `receive_remaining`, for `async for`."""

        def look():
            try:
                return (self._receive_next_reply(channel_id, 0),)
            except TimeoutError:
                return None

        while self.remaining(channel_id) > 0:
            yield (await self._first(look, timeout, channel_id))[0]

    async def _first(self, look, timeout, channel_id=None):
        """What `look` returns when it is not None any more."""
        watch = self._watch

        def look_as(waiter):
            try:
                return look()
            finally:
                watch.note_look_of(self, waiter)

        found = look_as(None)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while True:
            waiter = watch.enter(self, loop, channel_id)
            try:
                # Watched first: what comes after the look wakes this one.
                found = look_as(waiter)
                if found is not None:
                    return found
                await _until(end, waiter.woken)
            finally:
                watch.leave(waiter)

    def _look_again(self):
        """Its link is closed, or another one."""
        watch = vars(self).get("_watch")  # most messengers have none
        if watch is not None:
            watch.stop()

    @functools.cached_property
    def _watch(self):
        return _Watch()


async def _until(end, future):
    try:
        async with asyncio.timeout_at(end):
            await future
    except TimeoutError:
        raise TimeoutError("no message came in this time") from None


class _Waiter:
    def __init__(self, woken, channel_id):
        self.woken = woken  # a future
        self.channel_id = channel_id
        self.queued = 0  # when it has looked


class _Watch:
    """Who waits for messages of one messenger. Its descriptor is watched while somebody does; then all look."""

    def __init__(self):
        self._waiters = set()
        self._loop = None
        # The link's descriptor stays readable while messages of other channels are there: only a change of it is news.
        self._changes = None
        self._is_watched = False

    def enter(self, messenger, loop, channel_id):
        if self._loop is not loop:
            if self._waiters and not self._loop.is_closed():
                raise ConcurrentUseError("a task of another event loop waits in this messenger")
            self._waiters.clear()
            self._is_watched = False
            self._loop = loop
        if self._changes is None:
            self._changes = select.epoll()
            self._changes.register(messenger.fileno(), select.EPOLLIN | select.EPOLLET)
        if not self._is_watched:
            loop.add_reader(self._changes, self._on_change)
            self._is_watched = True
        waiter = _Waiter(loop.create_future(), channel_id)
        self._waiters.add(waiter)
        return waiter

    def leave(self, waiter):
        self._waiters.discard(waiter)
        if not self._waiters:
            self._unwatch()

    def note_look_of(self, messenger, looker):
        """A look takes in what has come, for all channels: then nothing is left that would wake the others."""
        for waiter in self._waiters:
            queued = messenger.queue_size(waiter.channel_id)
            if waiter is not looker and queued != waiter.queued:
                self._wake(waiter)
            waiter.queued = queued

    def stop(self):
        """Its descriptor may be closed now, or is another one; those who wait look again."""
        self._unwatch()
        if self._changes is not None:
            self._changes.close()
            self._changes = None
        for waiter in self._waiters:
            self._wake(waiter)

    def _unwatch(self):
        if self._is_watched and not self._loop.is_closed():
            self._loop.remove_reader(self._changes)
        self._is_watched = False

    def _on_change(self):
        self._changes.poll(0)
        for waiter in self._waiters:
            self._wake(waiter)

    @staticmethod
    def _wake(waiter):
        if not waiter.woken.done():
            waiter.woken.set_result(None)
