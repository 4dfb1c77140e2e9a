"""Supervised workers that make place for new ones: nothing fails, whoever waits, and however."""

import asyncio
import os
import time

import pytest
from coproc import Supervised
from supervised import tenfold


def recycled(**recycle):
    """Options that allow no restart but these."""
    return {"most": 0, "recycle": {"spread": 0, **recycle}}


def count(messenger):
    """Answers how many requests this worker has received, and by which process."""
    number = 0
    while True:
        messenger.receive_blocking()
        number += 1
        messenger.send_reply((number, os.getpid()))


def grow(messenger):
    kept = []
    while True:
        kept.append(b"x" * messenger.receive_blocking())
        messenger.send_reply(os.getpid())


def test_each_worker_gets_so_many_requests_and_nothing_fails(method):
    told = []
    with Supervised(count, method=method, restart={**recycled(requests=10), "on_restart": told.append}) as worker:
        answers = [worker.messenger.call("next") for _ in range(35)]
        history = worker.history()
    assert [number for number, _ in answers] == [i % 10 + 1 for i in range(35)]
    assert [len({pid for _, pid in answers[i : i + 10]}) for i in range(0, 35, 10)] == [1, 1, 1, 1]
    assert len({pid for _, pid in answers}) == 4
    assert [each.number for each in told] == [each.number for each in history] == [1, 2, 3]
    for each in history:
        assert each.reason == "recycled" and each.status.success and each.unanswered == 0
        assert "has made place" in each.describe()
    assert [each.pid for each in history] == [answers[i][1] for i in (10, 20, 30)]


@pytest.mark.parametrize("pending", ["fail", "drop", "resend"])
def test_what_is_under_way_is_answered_by_the_one_that_got_it(pending):
    with Supervised(count, restart={**recycled(requests=10), "pending": pending}) as worker:
        requests = worker.messenger.send_request_multiple(range(35))
        answers = [worker.messenger.receive_reply(each)[0] for each in requests]
        assert answers == [i % 10 + 1 for i in range(35)]
        assert len(worker.history()) == 3


def test_an_end_of_its_own_has_another_reason():
    with Supervised(tenfold, restart={"backoff": {"then": 0}, "pending": "resend"}) as worker:
        pid = worker.messenger.call("pid")
        worker.kill()
        while worker.messenger.call("pid") == pid:  # it was still there
            pass
        (restart,) = worker.history()
        assert restart.reason == "its_end"
        assert (restart.state_bytes, restart.state_dropped) == (None, False)


def test_what_on_restart_sends_comes_first():
    def configure(_):
        assert worker.messenger.call("next", "setup")[0] == 1

    def serve(messenger):
        for number in range(1, 1000):
            request = messenger.receive_any([None, "setup"])
            messenger.reply_to(request, (number, os.getpid()))

    with Supervised(serve, method="fork", restart={**recycled(requests=5), "on_restart": configure}) as worker:
        answers = [worker.messenger.call("next")[0] for _ in range(13)]
    assert answers == [1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4, 5]  # what on_restart sends is counted, too


def test_one_that_has_grown_makes_place():
    with Supervised(grow, restart=recycled(memory=200 << 20)) as worker:
        pids = {worker.messenger.call(0)}
        worker.messenger.call(200 << 20)
        while len(pids) == 1:
            time.sleep(0.01)
            pids.add(worker.messenger.call(0))
        assert worker.history()[0].reason == "recycled"


def test_an_old_one_makes_place():
    with Supervised(count, restart=recycled(age=0.05)) as worker:
        first = worker.pid
        time.sleep(0.06)
        assert worker.messenger.call("next")[1] != first


def run(target, talk, **options):
    async def main():
        with Supervised(target, method="fork", restart=options) as worker:
            async with asyncio.timeout(100):
                await talk(worker)

    asyncio.run(main())


def test_awaited_calls_go_on():
    told = []

    async def talk(worker):
        answers = [await worker.messenger.call_async("next") for _ in range(35)]
        assert [number for number, _ in answers] == [i % 10 + 1 for i in range(35)]
        assert len({pid for _, pid in answers}) == 4
        assert [each.reason for each in told] == ["recycled"] * 3

    run(count, talk, **recycled(requests=10), on_restart=told.append)


def test_tasks_that_wait_together_go_on():
    async def talk(worker):
        calls = [asyncio.create_task(worker.messenger.call_async(i)) for i in range(35)]
        answers = await asyncio.gather(*calls)
        # The tasks that wait for a worker come in any order.
        assert sorted(number for number, _ in answers) == sorted(i % 10 + 1 for i in range(35))
        assert len(worker.history()) == 3

    run(count, talk, **recycled(requests=10))


def test_an_awaited_receive_finds_the_end_of_one_that_makes_place_and_goes_on():
    async def talk(worker):
        lane = asyncio.create_task(worker.messenger.receive_async("lane"))  # over all the restarts
        for _ in range(4):
            worker.messenger.send_request_multiple(["next"] * 3)
            assert [each[0] async for each in worker.messenger.receive_remaining_async()] == [1, 2, 3]
        assert not lane.done()
        lane.cancel()

    run(count, talk, **recycled(requests=3))


def test_an_awaited_call_does_not_block_the_loop_while_the_worker_makes_place():
    may_answer, answer = os.pipe()

    def wait_to_answer(messenger):
        while True:
            messenger.receive_blocking()
            os.read(may_answer, 1)
            messenger.send_reply(os.getpid())

    async def talk(worker):
        calls = [asyncio.create_task(worker.messenger.call_async(i)) for i in range(2)]
        for _ in range(10):  # the first worker has no answer before, and ends behind it
            await asyncio.sleep(0.01)
        assert worker.history() == []
        os.write(answer, b"12")
        assert len(set(await asyncio.gather(*calls))) == 2

    run(wait_to_answer, talk, most=0, recycle={"requests": 1, "spread": 0, "grace": 5})
    os.close(may_answer)
    os.close(answer)
