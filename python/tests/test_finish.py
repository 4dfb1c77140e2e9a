"""An end behind what was sent: send_end, finish, and what the other side is told."""

import asyncio
import signal
import threading
import time

import coproc
import pytest


def test_an_end_comes_after_all_that_was_sent(pair):
    a, b = pair
    for i in range(3):
        b.send_norequest(i)
    b.send_norequest("lane's", "lane")
    b.send_end()
    assert a.receive_available() == [0, 1, 2]
    with pytest.raises(coproc.EndOfMessages):
        a.receive_blocking()
    assert a.receive_available() == []  # what other channels hold is to be received first
    assert a.receive_blocking("lane") == "lane's"
    for look in (
        a.receive_available,
        a.available,
        a.receive_blocking,
        a.receive_message_blocking,
        lambda: a.receive_blocking(timeout=0),
    ):
        with pytest.raises(coproc.ResourceRequestedClose, match="sends no more"):
            look()
    assert a.pipe_poll() and coproc.wait_any([a], 10) == 0


def test_nothing_can_be_sent_behind_it_and_the_other_direction_goes_on(pair):
    a, b = pair
    b.send_end()
    b.send_end()
    for send in (b.send_norequest, b.send_request, b.try_send, b.send_reply):
        with pytest.raises(coproc.LinkClosedError, match="send_end"):
            send(1)
    a.send_norequest(2)
    assert b.receive_blocking() == 2


def test_it_wakes_who_waits(pair):
    a, b = pair
    threading.Timer(0.05, b.send_end).start()
    with pytest.raises(coproc.EndOfMessages):
        a.receive_blocking()


def test_tasks_of_asyncio_are_told_whatever_other_channels_hold(pair):
    a, b = pair

    async def wait():
        async with asyncio.timeout(60):
            with pytest.raises(coproc.EndOfMessages):
                await a.receive_async("lane")
            assert await a.receive_async() == 1

    b.send_norequest(1)
    b.send_end()
    asyncio.run(wait())


def polls(messenger):
    """As targets of the old package do: it ends by a close request, and knows nothing of an end."""
    time.sleep(0.1)
    count = 0
    while True:
        try:
            count += len(messenger.receive_available())
            time.sleep(0.001)
        except coproc.ResourceRequestedClose:
            return messenger.send_norequest(count)


def waits(messenger):
    while True:
        messenger.send_norequest(messenger.receive_blocking())


def test_finish_lets_the_worker_take_what_it_was_sent(method):
    worker = coproc.WorkerResource(polls, method=method)
    for run in range(2):
        worker.start()
        for i in range(10):
            worker.messenger.send_norequest(i)
        status = worker.finish()
        assert status.success and status.stopped_by is None
        assert worker.messenger.receive_blocking() == 10
        with pytest.raises(coproc.WorkerDiedError):
            worker.messenger.receive_blocking()
    assert worker.finish().success


def test_finish_takes_in_what_the_worker_still_sends():
    worker = coproc.WorkerResource(waits)
    worker.start()
    datas = [bytes([i]) * 50_000 for i in range(20)]
    for data in datas:
        worker.messenger.send_norequest(data)
    assert worker.finish().success
    assert worker.messenger.receive_available() == datas


def test_finish_stops_what_does_not_end_in_time():
    worker = coproc.WorkerResource(
        lambda messenger: time.sleep(1000),
        stop=coproc.StopOptions(close=0.01),
        link=coproc.LinkOptions(ring_bytes=1 << 16),
    )
    worker.start()
    assert worker.finish(timeout=0.05).signal == signal.SIGTERM
    worker.start()
    while worker.messenger.try_send("x" * 1000):
        pass
    assert worker.finish(timeout=0.05).signal == signal.SIGTERM


def test_finish_of_what_never_started_or_fails(capfd):
    with pytest.raises(coproc.WorkerIsAlreadyDeadError):
        coproc.WorkerResource(waits).finish()

    def fails(messenger):
        raise KeyError("of the worker")

    worker = coproc.WorkerResource(fails)
    worker.start()
    assert worker.finish().code == 1
    assert "KeyError: 'of the worker'" in capfd.readouterr().err
