"""Receives for asyncio, on the descriptor of the link: no thread is needed, and none is blocked."""

import asyncio


class AsyncReceiver:
    """The awaitable receives of a messenger. One task at a time waits in one messenger; cancelling loses no message."""

    async def receive_async(self, channel_id=None, *, timeout=None):
        """As `receive_blocking`, for asyncio."""
        return (await self._first(lambda: self._try_receive(channel_id, False), timeout))[0]

    async def receive_message_async(self, channel_id=None, *, timeout=None):
        """As `receive_message_blocking`, for asyncio."""
        return await self._first(lambda: self._try_receive(channel_id, True), timeout)

    async def receive_available_async(self, channel_id=None, *, timeout=None):
        """Wait until a message of this channel is there, and return all that are: a list that is not empty."""
        return await self._first(lambda: self.receive_available(channel_id) or None, timeout)

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
            yield (await self._first(look, timeout))[0].payload

    async def _first(self, look, timeout):
        """What `look` returns when it is not None any more."""
        found = look()
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        descriptor = self.fileno()
        end = None if timeout is None else loop.time() + timeout
        while True:
            ready = loop.create_future()
            loop.add_reader(descriptor, lambda: ready.done() or ready.set_result(None))
            try:
                # Another look first: what came before the descriptor was watched.
                found = look()
                if found is not None:
                    return found
                await asyncio.wait_for(ready, None if end is None else max(0, end - loop.time()))
            except asyncio.TimeoutError:
                raise TimeoutError("no message came in this time") from None
            finally:
                loop.remove_reader(descriptor)
            found = look()
            if found is not None:
                return found
