"""Supervised workers that hang: they are ended, whoever waits, and however."""

import asyncio
import os
import time

import coproc
import pytest
from coproc import Supervised, WorkerDiedError
from supervised import AT_ONCE, is_running


def sleepy(messenger):
    """Answers its pid, after it has slept, or beaten, for so long."""
    while True:
        request = messenger.receive_message_blocking()
        if isinstance(request.payload, str):
            coproc.this_worker.beat(request.payload)
            time.sleep(1000)
        time.sleep(request.payload)
        messenger.reply_to(request, os.getpid())


def test_one_that_sleeps_over_a_request_is_ended_and_the_next_one_works(method):
    with Supervised(sleepy, method=method, restart={**AT_ONCE, "health": {"reply": 0.2}}) as worker:
        pid = worker.messenger.call(0)
        with pytest.raises(WorkerDiedError) as caught:
            worker.messenger.call(1000)
        hung = caught.value.exit_status.hung
        assert hung.why == "reply" and hung.time >= 0.2
        assert "had been in hand" in caught.value.exit_status.describe()
        assert caught.value.exit_status.stack
        assert not is_running(pid)
        assert worker.messenger.call(0) == worker.pid != pid
        (restart,) = worker.history()
        assert restart.status.hung.why == "reply" and restart.reason == "its_end"


def test_a_request_that_hangs_workers_fails_and_the_others_are_answered():
    options = {**AT_ONCE, "pending": "resend", "health": coproc.HealthOptions(reply=0.2, stack=False)}
    with Supervised(sleepy, restart=options) as worker:
        requests = worker.messenger.send_request_multiple([0, 1000, 0])
        assert worker.messenger.receive_reply(requests[2]) == worker.pid
        with pytest.raises(coproc.RequestAttemptsError) as caught:
            worker.messenger.receive_reply(requests[1])
        assert [each.hung.why for each in caught.value.statuses] == ["reply", "reply"]
        assert caught.value.statuses[0].stack == []


def test_beats():
    with Supervised(sleepy, restart={**AT_ONCE, "health": {"beat": 0.2}}) as worker:
        with pytest.raises(WorkerDiedError) as caught:
            worker.messenger.call("chunk 17")
        hung = caught.value.exit_status.hung
        assert (hung.why, hung.note) == ("beat", "chunk 17")


def test_unread():
    with Supervised(sleepy, restart={**AT_ONCE, "health": {"unread": 0.2}}) as worker:
        worker.messenger.send_request(1000)
        with pytest.raises(WorkerDiedError) as caught:
            while True:
                worker.messenger.send_request(0)  # which it does not read
                worker.messenger.receive_available()
                time.sleep(0.01)
        assert caught.value.exit_status.hung.why == "unread"


def test_one_that_works_or_is_idle_is_left_alone():
    limits = {"reply": 60, "unread": 60, "beat": 60}
    with Supervised(sleepy, restart={**AT_ONCE, "health": limits}) as worker:
        pids = {worker.messenger.call(0.01) for _ in range(20)}
        assert pids == {worker.pid} and worker.history() == []


def test_look_ends_one_that_hangs_and_starts_the_next_one():
    with Supervised(sleepy, restart={**AT_ONCE, "health": {"reply": 0.2}}) as worker:
        pid = worker.pid
        assert 0 <= worker.look() <= 0.05
        worker.messenger.send_request(1000)
        with pytest.raises(WorkerDiedError) as caught:
            while True:
                time.sleep(worker.look())
        assert caught.value.exit_status.hung.why == "reply"
        assert worker.is_alive() and worker.pid != pid
        assert 0 <= worker.look() <= 0.05


def test_look_without_anything_to_look_at():
    worker = Supervised(sleepy, restart=AT_ONCE)
    assert worker.look() is None
    with worker:
        assert worker.look() is None


def test_look_says_when_the_next_start_is_due():
    with Supervised(sleepy, restart={"backoff": {"first": 100, "spread": 0}, "within": 100_000}) as worker:
        worker.kill()
        while worker.is_alive():
            time.sleep(0.001)
        assert 0 < worker.look() <= 100
        assert worker.history() == []


@pytest.mark.parametrize("pending", ["fail", "resend"])
def test_a_task_that_waits_looks(pending):
    async def main():
        options = {**AT_ONCE, "attempts": 1, "pending": pending, "health": {"reply": 0.2}}
        with Supervised(sleepy, method="fork", restart=options) as worker:
            pid = await worker.messenger.call_async(0)
            with pytest.raises(WorkerDiedError) as caught:
                await worker.messenger.call_async(1000)
            assert caught.value.exit_status.hung.why == "reply"
            assert await worker.messenger.call_async(0) == worker.pid != pid

    asyncio.run(main())
