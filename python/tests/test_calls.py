"""Calls, replies that are given up, and requests that never wait for space."""

import asyncio
import time

import coproc
import pytest
from coproc import MultiMessenger, PriorityMessenger, WorkerResource


def serve(messenger):
    while True:
        request = messenger.receive_any([None, 5, "channel"])
        if request.payload == "raise":
            messenger.reply_error_to(request, KeyError("asked for"))
        elif request.payload != "no answer":
            messenger.reply_to(request, request.payload)


@pytest.mark.parametrize("kind", [PriorityMessenger, MultiMessenger])
def test_a_call_returns_its_reply(kind):
    with WorkerResource(serve, messenger_type=kind) as worker:
        worker.messenger.send_request("of another request")
        assert worker.messenger.call("hello") == "hello"
        assert worker.messenger.call([1, 2], "channel", timeout=60) == [1, 2]
        assert worker.messenger.call(b"x" * 1_000_000) == b"x" * 1_000_000
        with pytest.raises(KeyError, match="asked for"):
            worker.messenger.call("raise")
        assert worker.messenger.receive_blocking() == "of another request"
        assert worker.messenger.remaining() == worker.messenger.remaining("channel") == 0


def test_the_reply_of_a_call_that_was_given_up_is_dropped():
    with WorkerResource(serve) as worker:
        with pytest.raises(TimeoutError):
            worker.messenger.call("no answer", timeout=0.01)
        assert worker.messenger.remaining() == 0
    a, b = PriorityMessenger.new_pair()
    with pytest.raises(TimeoutError):
        a.call("late", timeout=0)
    b.send_reply(b.receive_blocking())
    b.send_norequest("next")
    assert a.receive_available() == ["next"]


class NotUnpicklable:
    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise ValueError("unpickled where it must not be")


def unpicklable_server(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking() and NotUnpicklable())


def test_a_call_whose_reply_cannot_be_unpickled_raises_that():
    with WorkerResource(unpicklable_server) as worker:
        with pytest.raises(ValueError, match="unpickled where"):
            worker.messenger.call(1)
        assert worker.messenger.remaining() == worker.messenger.available() == 0


def test_a_call_to_a_dead_worker_raises():
    with WorkerResource(serve) as worker:
        worker.kill()
        with pytest.raises(coproc.WorkerDiedError):
            worker.messenger.call(1)


def test_discard_reply():
    a, b = MultiMessenger.new_pair()
    ids = a.send_request_multiple(range(4))
    a.discard_reply(ids[1])
    assert a.remaining() == 3
    for number in b.receive_available():
        b.send_reply(number)
    assert a.available() == 3
    a.discard_reply(ids[2])
    assert a.receive_available() == [0, 3]
    for each in ids:
        with pytest.raises(coproc.NoRequestError, match="not outstanding"):
            a.discard_reply(each)


def test_try_send_request_never_waits():
    a, b = PriorityMessenger.new_pair(coproc.LinkOptions(ring_bytes=4096))
    ids = []
    while (sent := a.try_send_request("x" * 100)) is not None:
        ids.append(sent)
    assert len(ids) > 5
    assert a.remaining() == len(ids)
    assert len(b.receive_available()) == len(ids)
    b.send_reply("first")
    assert a.receive_reply(ids[0]) == "first"
    assert a.try_send_request("x", 3, priority=1) is not None


def test_calls_can_be_awaited():
    async def main():
        with WorkerResource(serve) as worker:
            replies = await asyncio.gather(*(worker.messenger.call_async(i) for i in range(100)))
            assert replies == list(range(100))
            with pytest.raises(KeyError):
                await worker.messenger.call_async("raise", 5)
            with pytest.raises(TimeoutError):
                await worker.messenger.call_async("no answer", timeout=0.01)
            waiting = asyncio.create_task(worker.messenger.call_async("no answer"))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert worker.messenger.remaining() == 0
            assert worker.messenger.call("still there") == "still there"

    asyncio.run(main())


def test_the_time_of_a_call_covers_its_send():
    a, _b = PriorityMessenger.new_pair(coproc.LinkOptions(ring_bytes=4096))
    while a.try_send("x" * 100):
        pass
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        a.call("x" * 1000, timeout=0.05)
    assert time.monotonic() - begin >= 0.05
    assert a.remaining() == 0
