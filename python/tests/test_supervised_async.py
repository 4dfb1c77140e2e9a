"""Supervised workers in an event loop: its receives drive, and a backoff does not block it."""

import asyncio

import coproc
import pytest
from coproc import Supervised, WorkerDiedError
from supervised import AT_ONCE, MUCH_LATER, kill, tenfold


def run(talk, **options):
    async def main():
        with Supervised(tenfold, method="fork", restart={**AT_ONCE, **options}) as worker:
            async with asyncio.timeout(100):
                await talk(worker)

    asyncio.run(main())


@pytest.mark.parametrize("first", [0, 0.2])
def test_a_receive_that_waits_is_told_of_the_end_and_the_next_goes_to_the_new_worker(first):
    async def talk(worker):
        for _ in range(3):
            waiting = asyncio.create_task(worker.messenger.receive_async())
            await asyncio.sleep(0.01)
            worker.kill()
            with pytest.raises(WorkerDiedError):
                await waiting
            assert worker.is_alive()
            assert await worker.messenger.call_async(4) == 40
        assert len(worker.history()) == 3

    run(talk, most=10, backoff={"first": first, "then": 0})


def test_requests_are_sent_again_without_a_word():
    async def talk(worker):
        for i in range(5):
            answers = [asyncio.create_task(worker.messenger.call_async(j)) for j in range(20)]
            await asyncio.sleep(0)
            worker.kill()
            assert await asyncio.gather(*answers) == [10 * j for j in range(20)]

    run(talk, pending="resend", attempts=100)


def test_tasks_whose_requests_fail_are_all_told():
    async def talk(worker):
        requests = worker.messenger.send_request_multiple(["die", 1, 2])
        waiting = [asyncio.create_task(worker.messenger.receive_reply_async(each)) for each in requests]
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in told] == [WorkerDiedError] * 3
        assert await worker.messenger.call_async(4) == 40

    run(talk)


def test_a_backoff_does_not_block_the_loop():
    async def talk(worker):
        kill(worker)
        turns = 0
        call = asyncio.create_task(worker.messenger.call_async(4))
        receive = asyncio.create_task(worker.messenger.receive_async("lane"))
        while not (call.done() and receive.done()):
            turns += 1
            await asyncio.sleep(0.005)
            if call.done() and not receive.done():
                kill(worker)
        assert turns > 20
        assert any(isinstance(each.exception(), WorkerDiedError) for each in (call, receive))

    run(talk, most=5, backoff={"first": 0.5, "then": 0.5})


def test_times_and_cancellation_end_the_wait_for_a_backoff():
    async def talk(worker):
        kill(worker)
        with pytest.raises(TimeoutError):
            await worker.messenger.receive_async(timeout=0.05)
        for wait in (worker.messenger.receive_async, lambda: worker.messenger.call_async(1)):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        waiting = asyncio.create_task(worker.messenger.receive_async())
        await asyncio.sleep(0.05)
        worker.stop()
        with pytest.raises(WorkerDiedError):
            await waiting

    run(talk, **MUCH_LATER, most=1)


def test_the_limit_is_told():
    async def talk(worker):
        kill(worker)
        with pytest.raises(coproc.RestartLimitError):
            await worker.messenger.receive_async()

    run(talk, most=0)


def test_streams_and_receive_remaining():
    async def talk(worker):
        worker.messenger.send_request_multiple([1, 2, 3])
        worker.kill()
        assert [each async for each in worker.messenger.receive_remaining_async()] == [10, 20, 30]

    run(talk, pending="resend", attempts=10)
