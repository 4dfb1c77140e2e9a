import asyncio
import time

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


def test_several_tasks_wait_for_several_channels():
    async def main():
        a, b = PriorityMessenger.new_pair()
        for first, second in (("x", "y"), ("y", "x")):
            waiting = [asyncio.create_task(a.receive_async(channel)) for channel in "xyz"]
            await asyncio.sleep(0.01)
            b.send_norequest(1, first)
            await asyncio.sleep(0.01)
            b.send_norequest(2, second)
            b.send_norequest(3, "other")
            b.send_norequest(4, "z")
            assert sum(await asyncio.wait_for(asyncio.gather(*waiting), 10)) == 7

    asyncio.run(main())


def test_a_receive_that_takes_in_what_another_task_waits_for():
    async def main():
        a, b = PriorityMessenger.new_pair()
        waiting = asyncio.create_task(a.receive_async("x"))
        await asyncio.sleep(0.01)
        b.send_norequest(1, "x")
        b.send_norequest(2, "y")
        assert await a.receive_async("y") == 2  # before the loop has looked at the descriptor
        assert await asyncio.wait_for(waiting, 10) == 1

    asyncio.run(main())


def test_a_wait_whose_messenger_is_closed_ends():
    async def main():
        a, b = PriorityMessenger.new_pair()
        waiting = asyncio.create_task(a.receive_async())
        await asyncio.sleep(0.01)
        a.close()
        with pytest.raises(coproc.LinkClosedError):
            await asyncio.wait_for(waiting, 10)

    asyncio.run(main())


def greet(messenger):
    messenger.send_norequest("up")
    messenger.receive_blocking("never")


def test_a_wait_goes_on_with_the_next_run_of_its_worker():
    async def main():
        with WorkerResource(greet) as worker:
            assert await worker.messenger.receive_async() == "up"
            waiting = asyncio.create_task(worker.messenger.receive_async())
            await asyncio.sleep(0.01)
            worker.stop()
            worker.start()
            assert await asyncio.wait_for(waiting, 10) == "up"

    asyncio.run(main())


@pytest.mark.parametrize("way", ["reply", "call", "remaining"])
def test_a_timeout_error_that_the_other_side_has_sent_is_raised(way):
    async def main():
        a, b = PriorityMessenger.new_pair()

        async def ask():
            if way == "call":
                return await a.call_async(0)
            request_id = a.send_request(0)
            if way == "reply":
                return await a.receive_reply_async(request_id)
            return [reply async for reply in a.receive_remaining_async()]

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.01)
        b.reply_error_to(b.receive_message_blocking(), TimeoutError("of the database"))
        with pytest.raises(TimeoutError, match="of the database"):
            await asyncio.wait_for(asking, 60)

    asyncio.run(main())


def test_a_cancellation_is_not_swallowed_by_a_message_for_another_channel():
    async def main():
        a, b = PriorityMessenger.new_pair()
        waiting = asyncio.create_task(a.receive_async("A", timeout=60))
        await asyncio.sleep(0.01)
        b.send_norequest(1, "B")
        asyncio.get_running_loop().call_later(0, waiting.cancel)
        time.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())


def test_a_wait_beside_a_message_for_another_channel_is_no_busy_loop():
    async def main():
        a, b = PriorityMessenger.new_pair()
        b.send_norequest(1, "other")
        looks = 0

        def look(*arguments):
            nonlocal looks
            looks += 1
            return PriorityMessenger._try_receive(a, *arguments)

        a._try_receive = look
        with pytest.raises(TimeoutError):
            await a.receive_async("mine", timeout=1)
        return looks

    assert asyncio.run(main()) < 10


def test_a_timeout_error_of_the_peer_is_raised_as_it_is():
    async def main():
        a, b = PriorityMessenger.new_pair()
        waiting = asyncio.create_task(a.receive_async(timeout=60))
        await asyncio.sleep(0.01)
        b.send_error(TimeoutError("the peer's own"))
        with pytest.raises(TimeoutError, match="the peer's own"):
            await asyncio.wait_for(waiting, 10)

    asyncio.run(main())


def test_a_look_that_raises_wakes_those_whose_messages_it_has_taken_in():
    async def main():
        a, b = PriorityMessenger.new_pair()
        waiting = asyncio.create_task(a.receive_async("x"))
        await asyncio.sleep(0.01)
        b.send_norequest(1, "x")
        b.send_error(ValueError("for whoever looks first"))
        with pytest.raises(ValueError):
            await a.receive_async("y")  # before the loop has looked at the descriptor
        assert await asyncio.wait_for(waiting, 10) == 1

    asyncio.run(main())
