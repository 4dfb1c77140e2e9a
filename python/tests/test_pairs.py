"""Pairs whose ends are in different processes."""

import multiprocessing
import os
import signal

import coproc
import pytest
from coproc import MultiMessenger, PriorityMessenger, WorkerResource


def talk(messenger):
    messenger.send_norequest(messenger.receive_blocking() + " back")


def test_an_unused_end_goes_to_a_process_of_multiprocessing(method):
    mine, theirs = PriorityMessenger.new_pair()
    process = multiprocessing.get_context(method).Process(target=talk, args=(theirs,))
    process.start()
    theirs.close()
    mine.send_norequest("there and")
    assert mine.receive_blocking() == "there and back"
    with pytest.raises(coproc.PeerClosedError):
        mine.receive_blocking()
    process.join()
    assert process.exitcode == 0


def receive_from_other(messenger, other):
    messenger.send_reply(other.receive_blocking())


def send_to_other(messenger, other):
    other.send_norequest("from one worker to the other")
    messenger.receive_blocking()


def test_two_workers_talk_to_each_other(method):
    one, two = MultiMessenger.new_pair()
    receiver = WorkerResource(receive_from_other, method=method)
    receiver.start(other=one)
    assert one.closed  # it was handed over
    sender = WorkerResource(send_to_other, method=method)
    sender.start(other=two)
    assert receiver.messenger.receive_blocking() == "from one worker to the other"
    sender.stop()
    receiver.stop()


def receive_from_all(messenger, ends):
    messenger.send_reply([end.receive_blocking() for end in (ends.values() if isinstance(ends, dict) else ends)])


@pytest.mark.parametrize("container", [list, tuple, lambda ends: dict(enumerate(ends))])
def test_ends_in_a_container_are_handed_over(method, container):
    mine, theirs = zip(*(PriorityMessenger.new_pair() for _ in range(3)))
    with WorkerResource(receive_from_all, method=method) as worker:
        worker.stop()
        worker.start(ends=container(theirs))
        assert all(end.closed for end in theirs)
        for i, end in enumerate(mine):
            end.send_norequest(i)
        assert worker.messenger.receive_blocking() == [0, 1, 2]
        worker.kill()
        for end in mine:
            with pytest.raises(coproc.PeerClosedError):
                end.receive_blocking()


def die(messenger):
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_death_of_the_process_at_the_other_end_is_seen():
    mine, theirs = PriorityMessenger.new_pair()
    process = multiprocessing.get_context("fork").Process(target=die, args=(theirs,))
    process.start()
    theirs.close()
    with pytest.raises(coproc.PeerClosedError):
        mine.receive_blocking()
    process.join()


def test_a_used_messenger_cannot_go_to_another_process():
    a, b = PriorityMessenger.new_pair()
    a.send_norequest(1)
    with pytest.raises(TypeError, match="in use"):
        b.send_norequest(a)
    with pytest.raises(RuntimeError):
        a.send_norequest(b)  # only as a start argument
    with pytest.raises(TypeError, match="in use"):
        WorkerResource(send_to_other, method="spawn").start(other=a)
    b.receive_blocking()

    def use(messenger, other):
        other.send_norequest(1)

    worker = WorkerResource(use, method="fork")
    worker.start(other=a)
    with pytest.raises(coproc.NotOwnerError):
        worker.messenger.receive_blocking()
    worker.stop()
