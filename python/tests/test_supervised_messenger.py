"""The messenger of a supervised worker over its restarts: channels, types, arrays, newest values, streams."""

import os
import signal

import coproc
import numpy
import pytest
from coproc import Supervised, WorkerDiedError, array
from supervised import AT_ONCE, die, kill, restart, tenfold


def echo(messenger):
    messenger.keep_latest("newest")
    while True:
        request = messenger.receive_any([None, "lane", ("typed", 1), "newest", "rows"])
        if isinstance(request.payload, str) and request.payload == "die":
            die()
        if request.channel_id == "rows":
            with coproc.ReplyStream(messenger, request) as rows:
                for i in range(request.payload):
                    rows.send(i)
        elif request.request_id is not None:
            messenger.reply_to(request, request.payload)
        else:
            messenger.send_norequest(request.payload, request.channel_id)


@pytest.fixture
def echoing():
    with Supervised(echo, restart=AT_ONCE) as worker:
        yield worker


class Point:
    def __init__(self, x):
        self.x = x


def test_channels_types_and_functions_are_known_to_each_worker(echoing):
    class Local:
        def __init__(self, x):
            self.x = x

    messenger = echoing.messenger
    for _ in range(3):
        for channel in (None, "lane", ("typed", 1)):
            assert messenger.call(Point(3), channel).x == 3
            assert messenger.call(("a", [1]), channel) == ("a", [1])
            assert messenger.call(tenfold, channel) is tenfold
        messenger.send_norequest(5, "lane")
        assert messenger.receive_blocking("lane") == 5
        restart(echoing)


def test_shared_arrays(echoing):
    messenger = echoing.messenger
    mine = messenger.empty(100_000)
    mine[:] = 7
    received = messenger.call(numpy.arange(100_000))
    restart(echoing)
    assert received.sum() == numpy.arange(100_000).sum()
    assert (messenger.call(mine) == 7).all()  # of the link before, so that it is copied
    assert (messenger.call(received) == received).all()
    fresh = messenger.empty(100_000)
    fresh[:] = 8
    assert (messenger.call(fresh) == 8).all()


def test_the_newest_value_stays_the_only_one(echoing):
    echoing.messenger.keep_latest("newest")
    restart(echoing)
    for i in range(5):
        echoing.messenger.send_norequest(i, "newest")
    while echoing.messenger.receive_blocking("newest", timeout=60) != 4:
        pass


def test_streams(echoing):
    rows = echoing.messenger.stream(1_000_000, "rows", window_bytes=10_000)
    assert next(rows) == 0
    kill(echoing)
    with pytest.raises(WorkerDiedError):
        for _ in rows:
            pass
    assert list(echoing.messenger.stream(100, "rows")) == list(range(100))


def test_a_stream_without_parts_is_asked_for_again():
    with Supervised(echo, restart={**AT_ONCE, "pending": "resend"}) as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        rows = worker.messenger.stream(100, "rows")
        kill(worker)
        assert list(rows) == list(range(100))


def test_a_restart_is_no_start_for_empty(echoing):
    with coproc.WorkerResource(echo) as other:
        restart(echoing)
        assert array._latest() is other.messenger
