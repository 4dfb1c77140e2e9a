"""Receives for asyncio. They watch the descriptor of the link, so they need no thread, and block none."""

import asyncio
import contextlib
import functools
import select

from ..errors import ConcurrentUseError, Error
from ..timeouts import check_timeout


class AsyncReceiver:
    """The awaitable receives of a messenger.

    Several tasks of one event loop may wait for different channels. Cancelling a task loses no message.
    """

    async def receive_async(self, channel_id=None, *, timeout=None):
        """Wait for a message of this channel without blocking the event loop, and return its data.

        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the data
        :raises TimeoutError: if nothing has arrived in this time
        :raises ConcurrentUseError: if a task of another event loop waits in this messenger
        :raises Exception: what `receive_blocking` raises; ResourceRequestedClose only once
        """
        return (
            await self._first(lambda: self._try_receive(channel_id, False), timeout, self._queue_size_of(channel_id))
        )[0]

    async def receive_message_async(self, channel_id=None, *, timeout=None):
        """Wait for a message of this channel without blocking the event loop.

        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the message, a DataMessage
        :raises TimeoutError: if nothing has arrived in this time
        :raises ConcurrentUseError: if a task of another event loop waits in this messenger
        :raises Exception: what `receive_message_blocking` raises; ResourceRequestedClose only once
        """
        return await self._first(lambda: self._try_receive(channel_id, True), timeout, self._queue_size_of(channel_id))

    async def receive_available_async(self, channel_id=None, *, timeout=None):
        """Wait for messages of this channel without blocking the event loop.

        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the data of all messages that have arrived: a list, which is not empty
        :raises TimeoutError: if nothing has arrived in this time
        :raises ConcurrentUseError: if a task of another event loop waits in this messenger
        :raises Exception: what `receive_available` raises
        """
        return await self._first(
            lambda: self.receive_available(channel_id) or None, timeout, self._queue_size_of(channel_id)
        )

    async def receive_reply_async(self, request_id, *, timeout=None):
        """Wait for the reply to one request without blocking the event loop. All other messages stay queued.

        :param request_id: the id that `send_request` has returned
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the data of the reply
        :raises TimeoutError: if nothing has arrived in this time
        :raises ConcurrentUseError: if a task of another event loop waits in this messenger
        :raises Exception: what `receive_reply` raises; ResourceRequestedClose only once
        """

        return (await self._first(lambda: self._try_receive_reply(request_id), timeout, self._queue_size_of(None)))[0]

    async def call_async(self, data, channel_id=None, *, timeout=None):
        """Send data, wait for the reply to it without blocking the event loop, and return that.

        If it raises, or is cancelled, the reply is dropped when it comes. The send blocks while the link is full.

        :param data: the object to send
        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait for the reply. None, the default: for ever.
        :return: the data of the reply
        :raises TimeoutError: if no reply has come in this time
        :raises ConcurrentUseError: if a task of another event loop waits in this messenger
        :raises Exception: what `call` raises; ResourceRequestedClose only once
        """
        request_id = await self._send_request_async(data, channel_id)
        try:
            return await self.receive_reply_async(request_id, timeout=timeout)
        except BaseException:
            # The reply may have been an error, or the link may be gone: then there is nothing to give up.
            with contextlib.suppress(Error):
                self.discard_reply(request_id)
            raise

    async def receive_remaining_async(self, channel_id=None, *, timeout=None):
        """Iterate by `async for` over the replies of this channel until every request is answered.

        Errors are raised after the replies that came before them; a new call continues.

        :param channel_id: the channel; None, the default, is the default channel
        :param timeout: The seconds to wait for each of the replies. None, the default: for ever.
        :return: an asynchronous iterator over the data of the replies
        :raises TimeoutError: if nothing has arrived in this time
        :raises ConcurrentUseError: if a task of another event loop waits in this messenger
        :raises Exception: what `receive_blocking` raises; ResourceRequestedClose only once
        """
        while self.remaining(channel_id) > 0:
            reply = await self._first(
                lambda: self._try_receive_next_reply(channel_id), timeout, self._queue_size_of(channel_id)
            )
            yield reply[0]

    async def _first(self, look, timeout, count):
        """Call `look` until it returns something other than None, and return that.

        What `count` returns changes when a look of another task takes in what this one waits for.
        """
        watch = self._watch

        def look_as(waiter):
            try:
                return look()
            finally:
                watch.note_look_of(waiter)

        check_timeout(timeout)
        found = look_as(None)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while True:
            waiter = watch.enter(self, loop, count)
            try:
                # The descriptor is watched before this look, so that a message that arrives after it wakes this task.
                found = look_as(waiter)
                if found is not None:
                    return found
                pause = self._look_if_needed() if self._is_supervised else None
                if pause is None:
                    await _until(end, waiter.woken)
                else:
                    await _until_next_look(end, waiter.woken, pause)
            finally:
                watch.leave(waiter)

    async def _send_request_async(self, data, channel_id):
        """Send a request.

        This does not block the event loop while a worker that has ended waits for its restart, nor while one makes
        place for another.
        """
        while self._is_supervised:
            try:
                return self.send_request(data, channel_id, timeout=0)
            except TimeoutError:
                if not (self._awaits_restart() or self._makes_place()):
                    break  # the link is full
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return self.send_request(data, channel_id)

    def _queue_size_of(self, channel_id):
        return lambda: self.queue_size(channel_id)

    def _look_again(self):
        """Make waiting tasks look again, since the link was closed or is another one."""
        watch = vars(self).get("_watch")  # most messengers have none
        if watch is not None:
            watch.stop()

    def _note_cancelled_stream(self):
        """Make waiting tasks look again, since one of them may wait for this stream. Any thread may call this."""
        watch = vars(self).get("_watch")
        if watch is not None:
            watch.run_in_loop(watch.wake_all)

    @functools.cached_property
    def _watch(self):
        return _Watch()


#: So often a send looks whether a worker that has ended can be started again: no descriptor tells that.
_LOOK_AGAIN_SECONDS = 0.02


async def _until_next_look(end, future, pause):
    loop = asyncio.get_running_loop()
    if end is not None and loop.time() >= end:
        raise TimeoutError("no message came in this time")
    next_look = loop.time() + pause
    with contextlib.suppress(TimeoutError):
        await _until(next_look if end is None else min(next_look, end), future)


async def _until(end, future):
    try:
        async with asyncio.timeout_at(end):
            await future
    except TimeoutError:
        raise TimeoutError("no message came in this time") from None


class _Waiter:
    def __init__(self, woken, count):
        self.woken = woken  # a future
        self.count = count
        self.queued = None  # what `count` returned after the last look


class _Watch:
    """The tasks that wait for messages of one messenger.

    While there are any, the descriptor of the messenger is watched. When it changes, all of them look.
    """

    def __init__(self):
        self._waiters = set()
        self._loop = None
        # The link's descriptor stays readable while there are messages of other channels. So only its changes count.
        self._changes = None
        self._is_watched = False

    def enter(self, messenger, loop, count):
        if self._loop is not loop:
            if self._waiters and not self._loop.is_closed():
                raise ConcurrentUseError("a task of another event loop waits in this messenger")
            self._waiters.clear()
            self._is_watched = False
            self._loop = loop
        waiter = _Waiter(loop.create_future(), count)
        self._waiters.add(waiter)  # first, so that other threads leave the rest to the loop
        try:
            self._begin_watching(messenger)
        except BaseException:
            self._waiters.discard(waiter)
            raise
        return waiter

    def _begin_watching(self, messenger):
        if self._changes is None:
            self._changes = select.epoll()
            self._changes.register(messenger.fileno(), select.EPOLLIN | select.EPOLLET)
        if not self._is_watched:
            self._loop.add_reader(self._changes, self._on_change)
            self._is_watched = True

    def leave(self, waiter):
        self._waiters.discard(waiter)
        if not self._waiters:
            self._unwatch()

    def note_look_of(self, looker):
        """Wake the tasks whose messages this look has taken in.

        A look takes in the messages of all channels, and the parts of all streams, and the descriptor does not change
        by it. This raises no error, since the look may have found something that would be lost.
        """
        for waiter in self._waiters:
            try:
                queued = waiter.count()
            except Error:
                queued = None  # the look of that task raises it
            if waiter is not looker and (queued is None or queued != waiter.queued):
                self._wake(waiter)
            waiter.queued = queued

    def run_in_loop(self, call):
        """Run `call` in the thread of the event loop: now, or soon if this is another one. A closed loop has none."""
        loop = self._loop
        if not self._waiters or loop.is_closed() or asyncio._get_running_loop() is loop:
            return call()
        with contextlib.suppress(RuntimeError):  # it has been closed meanwhile, and its tasks with it
            loop.call_soon_threadsafe(call)

    def stop(self):
        """Stop watching the descriptor, which may be closed or another one now, and make all tasks look again.

        Any thread may call this.
        """
        self.run_in_loop(self._stop)

    def _stop(self):
        self._unwatch()
        if self._changes is not None:
            self._changes.close()
            self._changes = None
        self.wake_all()

    def _unwatch(self):
        if self._is_watched and not self._loop.is_closed():
            self._loop.remove_reader(self._changes)
        self._is_watched = False

    def wake_all(self):
        if self._waiters and not self._loop.is_closed():
            for waiter in self._waiters:
                self._wake(waiter)

    def _on_change(self):
        self._changes.poll(0)
        self.wake_all()

    @staticmethod
    def _wake(waiter):
        if not waiter.woken.done():
            waiter.woken.set_result(None)
