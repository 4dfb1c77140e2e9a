"""Looks that do not wait see the end of a worker as well as waits do: loops that poll come to an end."""

import os
import select

import coproc
import pytest


def end_at_once(messenger):
    os._exit(7)


def say_one_thing(messenger):
    messenger.send_norequest("last words", "words")
    os._exit(7)


@pytest.fixture
def dead(request):
    worker = coproc.WorkerResource(getattr(request, "param", end_at_once))
    worker.start()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    yield worker.messenger
    worker.stop()


def test_available_raises_what_a_receive_would(dead):
    for _ in range(2):
        with pytest.raises(coproc.WorkerDiedError, match="code 7"):
            dead.available()


@pytest.mark.parametrize(
    "look",
    [
        lambda messenger: messenger.pipe_poll(),
        lambda messenger: coproc.wait_any([messenger], 0) == 0,
        lambda messenger: coproc.wait_any([messenger], 0.001) == 0,
        lambda messenger: bool(select.select([messenger.fileno()], [], [], 0)[0]),
    ],
)
def test_all_looks_say_that_there_is_something_to_raise(dead, look):
    assert look(dead) and look(dead)
    with pytest.raises(coproc.WorkerDiedError):
        dead.receive_available()


def test_a_wait_for_anything_raises_it(dead):
    with pytest.raises(coproc.WorkerDiedError):
        dead.await_available()


@pytest.mark.parametrize("dead", [say_one_thing], indirect=True)
def test_what_it_had_sent_comes_first(dead):
    assert dead.pipe_poll() and dead.available("words") == 1
    dead.await_available()
    assert dead.receive_blocking("words") == "last words"
    with pytest.raises(coproc.WorkerDiedError):
        dead.available("words")


def test_a_loop_that_polls_ends_with_an_error_of_the_other_side(pair):
    a, b = pair
    b.send_error(ValueError("told"))
    with pytest.raises(ValueError, match="told"):
        while a.available() == 0:
            pass
    assert a.available() == 0
    b.close()
    with pytest.raises(coproc.PeerClosedError):
        while a.available() == 0:
            pass
