"""How a coroutine of asyncio waits for a task of a pool."""

import asyncio
import contextlib
import functools


async def awaited(task, is_driven):
    """Return the result of a task, or raise its error, as `result` does. No thread waits meanwhile.

    A coroutine that is cancelled cancels the task. The other way round, a task that is cancelled does not cancel the
    coroutine, which would end silently then: TaskCancelledError is not the CancelledError of asyncio. `is_driven` is
    whether the pool has a thread.
    """
    if not task.done():
        if not is_driven:
            raise RuntimeError(
                "this task cannot be awaited: its pool has no thread, and an event loop cannot drive it: make the pool "
                "by Pool(background=True)"
            )
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        task._call_at_end(functools.partial(_tell, loop, ended))
        try:
            await ended
        except asyncio.CancelledError:
            task.cancel()
            raise
    return task.result()


def _tell(loop, ended, _):
    with contextlib.suppress(RuntimeError):  # the loop was closed
        loop.call_soon_threadsafe(_wake, ended)


def _wake(ended):
    if not ended.done():
        ended.set_result(None)
