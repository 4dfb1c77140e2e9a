"""Pickles of workers in a box, which are refused where they arrive, unless the workers are trusted."""

import multiprocessing

import coproc
import numpy as np
import pytest
from boxed import CALLED, Odd, Payload, ask, boxed, details, fail, half, make_payload, raise_payload
from coproc import Sandbox


class Liar(coproc.PriorityMessenger):
    """The messenger of a worker that was taken over: there it pickles, whatever the host has said."""

    def __init__(self, end=None, *, codec="pickle"):
        super().__init__(end, codec="pickle" if multiprocessing.parent_process() else codec)


def send_pickles(messenger):
    for data in (Payload(), 5, "text", b"x" * (1 << 20), memoryview(b"x" * (1 << 20)), np.ones(1 << 20)):
        messenger.send_norequest(data)
    messenger.send_norequest("last", "other channel")
    messenger.reply_error_to(messenger.receive_message_blocking(), Payload())
    messenger.send_error(Payload())
    raise Payload()


def test_pickles_of_a_boxed_worker_are_refused_where_they_arrive():
    worker = coproc.WorkerResource(send_pickles, Liar, "forkserver", name="liar", sandbox=Sandbox.compute())
    with worker:
        refused = rf"'liar' \(pid {worker.pid}\) is in a sandbox.*nothing.*trust_pickle=True"
        for _ in range(5):
            with pytest.raises(coproc.DecodeError, match=refused):
                worker.messenger.receive_blocking(timeout=60)
        with pytest.raises(coproc.DecodeError, match=refused):
            _ = worker.messenger.receive_message_blocking(timeout=60).payload
        with pytest.raises(coproc.DecodeError, match=refused):
            worker.messenger.receive_blocking("other channel", timeout=60)
        for receive in (lambda: worker.messenger.call(1, timeout=60), worker.messenger.receive_blocking):
            with pytest.raises(coproc.RemoteError, match="Payload"):
                receive()
        with pytest.raises(coproc.RemoteError, match="Payload"):
            worker.messenger.receive_blocking(timeout=60)
    assert not CALLED


def test_pickles_of_a_boxed_pools_workers_are_refused_where_they_arrive():
    pool = coproc.Pool(1)
    pool._unpickles = False  # so the workers go on to pickle, as those would that were taken over
    with pool:
        for function in (half, make_payload, details):
            with pytest.raises(coproc.DecodeError, match="in a sandbox.*trust_pickle=True"):
                pool.submit(function, 3).result(timeout=60)
        for function in (fail, raise_payload):
            with pytest.raises(coproc.RemoteError):
                pool.submit(function, 3).result(timeout=60)
    assert not CALLED


def test_an_exception_of_a_boxed_worker_is_not_unpickled():
    with boxed(Sandbox.compute()) as worker:
        worker.messenger.send_request(["raise"])
        with pytest.raises(coproc.RemoteError, match=r"Odd: inside"):
            worker.messenger.receive_blocking(timeout=60)


def test_what_is_no_messagepack_is_refused_in_the_worker():
    with boxed(Sandbox.compute()) as worker:
        worker.messenger.send_request(["object"])
        with pytest.raises(coproc.RemoteError, match="Odd.*trust_pickle=True"):
            worker.messenger.receive_blocking(timeout=60)


def test_pickles_of_a_worker_that_is_trusted():
    with boxed(Sandbox.compute(), trust_pickle=True) as worker:
        assert worker.messenger.codec == "pickle"
        with pytest.raises(Odd):
            raise ask(worker, "object")
        worker.messenger.send_request(["raise"])
        with pytest.raises(Odd, match="inside"):
            worker.messenger.receive_blocking(timeout=60)


def test_an_end_of_a_pair_that_unpickles_is_refused():
    first, second = coproc.PriorityMessenger.new_pair()
    worker = boxed(Sandbox.compute())
    with pytest.raises(ValueError, match=r"'boxed' is in a sandbox.*codec='msgpack'.*trust_pickle"):
        worker.start(other=second)
    first, second = coproc.PriorityMessenger.new_pair(codec="msgpack")
    worker.start(other=second)
    assert ask(worker, "other") == "sent"
    assert first.receive_blocking(timeout=60) == "through the pair"
    worker.stop()
