import asyncio

import coproc
import pytest
from coproc import PriorityMessenger, WorkerResource


def echo(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


def test_receives_can_be_awaited():
    async def talk(worker, count):
        for i in range(count):
            worker.messenger.send_request(i)
            assert await worker.messenger.receive_async() == i
        worker.messenger.send_request("message")
        assert (await worker.messenger.receive_message_async()).payload == "message"
        first, second = worker.messenger.send_request_multiple(["a", "b"])
        assert await worker.messenger.receive_reply_async(second) == "b"
        assert await worker.messenger.receive_available_async() == ["a"]
        worker.messenger.send_request_multiple(range(5))
        assert [reply async for reply in worker.messenger.receive_remaining_async()] == list(range(5))

    async def main():
        workers = [WorkerResource(echo) for _ in range(3)]
        for worker in workers:
            worker.start()
        await asyncio.gather(*(talk(worker, 100) for worker in workers))
        for worker in workers:
            worker.stop()

    asyncio.run(main())


def test_a_timeout_and_a_cancelled_wait_lose_nothing():
    async def main():
        a, b = PriorityMessenger.new_pair()
        with pytest.raises(TimeoutError):
            await b.receive_async(timeout=0.01)
        waiting = asyncio.create_task(b.receive_async())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        a.send_norequest("other channel", 1)
        waiting = asyncio.create_task(b.receive_async())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        a.send_norequest(1)
        assert await waiting == 1
        a.close()
        with pytest.raises(coproc.PeerClosedError):
            await b.receive_async(2)
        assert b.receive_blocking(1) == "other channel"

    asyncio.run(main())


def test_the_end_of_a_worker_is_raised():
    async def main():
        worker = WorkerResource(lambda messenger: messenger.receive_blocking())
        worker.start()
        waiting = asyncio.create_task(worker.messenger.receive_async())
        await asyncio.sleep(0.01)
        worker.kill()
        with pytest.raises(coproc.WorkerDiedError):
            await waiting
        worker.join()

    asyncio.run(main())
