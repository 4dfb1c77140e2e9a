"""Memory that was lent goes back to the system when the worker has ended, but for what is still used."""

import os

import coproc
import numpy as np
import pytest

MIB = 1 << 20


class MemoryOfLink:
    """What a worker's link has of the system's memory, also after the worker's end."""

    def __init__(self, worker):
        directory = f"/proc/{worker.pid}/fd"
        (link,) = {fd for fd in os.listdir(directory) if "coproc-link" in os.readlink(f"{directory}/{fd}")}
        self._fd = os.open(f"{directory}/{link}", os.O_RDONLY)

    def bytes(self):
        return os.fstat(self._fd).st_blocks * 512

    def __del__(self):
        os.close(self._fd)


def frames(messenger):
    messenger.send_norequest("here")
    kept = []
    while True:
        kept.append(messenger.receive_blocking())  # what the host has lent stays here until the end
        messenger.send_norequest(np.full(MIB, len(kept), np.uint8))


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_worker_that_has_ended_holds_no_memory(method, end):
    worker = coproc.WorkerResource(frames, method=method)
    worker.start()
    messenger = worker.messenger
    assert messenger.receive_blocking() == "here"  # a fork has by now what is its own, and no more
    memory = MemoryOfLink(worker)
    before = memory.bytes()
    received = []
    for i in range(20):
        messenger.send_norequest(np.zeros(MIB, np.uint8))
        received.append(messenger.receive_blocking())
    mine = messenger.empty(MIB, np.uint8)
    mine[:] = 77
    messenger.send_norequest(mine)
    messenger.receive_blocking()
    assert memory.bytes() > before + 40 * MIB
    third = received[2]
    del received
    if end == "kill":
        worker.kill()
        worker.join()
    else:
        worker.stop()
    assert abs(memory.bytes() - before - 2 * MIB) < MIB / 2
    assert (third == 3).all() and (mine == 77).all()
    with pytest.raises(coproc.WorkerDiedError):
        messenger.receive_blocking()
    del third, mine
    assert memory.bytes() < before + MIB / 2


def test_what_is_still_to_be_received_is_whole():
    def send(messenger):
        for i in range(4):
            array = messenger.empty(MIB, np.uint8)
            array[:] = i
            messenger.send_norequest(array)

    worker = coproc.WorkerResource(send, link=coproc.LinkOptions(max_queued_bytes=MIB + 1000))  # room for one
    worker.start()
    worker.join()
    for i in range(4):
        assert (worker.messenger.receive_blocking() == i).all()


def test_what_a_fork_receives_where_its_host_has_lent_memory_is_its_own():
    """The fork does not have its host's memory, so that what it receives may lie at the same address."""

    def echo(messenger):
        while True:
            messenger.send_reply(messenger.receive_blocking())

    with coproc.WorkerResource(echo, method="fork") as first:
        kept = [first.messenger.empty(100_000) for _ in range(3)]
        with coproc.WorkerResource(echo, method="fork") as second:
            for _ in range(5):
                assert (second.messenger.call(np.full(100_000, 7.0)) == 7).all()
    del kept
