"""A message that a receive could not return is put back: later receives find it at its place."""

import os
import signal
import time

import coproc
import pytest
from coproc import WorkerResource


def bad():
    raise LookupError("cannot be made here")


class Bad:
    def __reduce__(self):
        return bad, ()


def interrupt_once(number):
    if not interrupt_once.is_done:
        interrupt_once.is_done = True
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)  # which the handler ends
    return number


class Interrupted:
    """Ctrl-C comes when it is first unpickled."""

    def __init__(self, number):
        self.number = number
        interrupt_once.is_done = False

    def __reduce__(self):
        return interrupt_once, (self.number,)


@pytest.fixture
def ends():
    return coproc.PriorityMessenger.new_pair()


def test_ctrl_c_loses_no_message(ends):
    a, b = ends
    for value in (0, 1, Interrupted(2), 3):
        a.send_norequest(value, "channel")
    with pytest.raises(KeyboardInterrupt):
        b.receive_available("channel")
    assert b.available("channel") == b.queue_size("channel") == 4
    assert b.receive_blocking("channel") == 0
    assert b.receive_available("channel") == [1, 2, 3]


@pytest.mark.parametrize(
    "receive",
    [
        lambda end: end.receive_blocking(),
        lambda end: end.receive_message_blocking().payload,
        lambda end: end.receive_any([None, 1]).payload,
        lambda end: end.receive_available_messages()[0].payload,
        lambda end: end.receive_available()[0],
        lambda end: end._try_receive(None, False)[0],
    ],
)
def test_it_is_there_for_every_receive(ends, receive):
    a, b = ends
    a.send_norequest(Interrupted(7))
    with pytest.raises(KeyboardInterrupt):
        b.receive_blocking()
    assert receive(b) == 7
    a.send_norequest(8)
    assert receive(b) == 8


class CallsBack:
    """Uses the messenger that receives it, and then may be interrupted."""

    def __init__(self, name):
        self.name = name

    def __setstate__(self, state):
        vars(self).update(state)
        CallsBack.actions[self.name]()


def interrupt():
    raise KeyboardInterrupt


def test_code_that_unpickling_runs_may_use_the_messenger(ends):
    a, b = ends
    got = []
    CallsBack.actions = {"first": lambda: (got.append(b.receive_blocking()), b.send_norequest("answer"))}
    a.send_norequest(CallsBack("first"))
    a.send_norequest("second")
    assert b.receive_blocking().name == "first"
    assert got == ["second"] and a.receive_blocking() == "answer"


def test_a_message_within_a_message_is_put_back_before_it(ends):
    a, b = ends
    CallsBack.actions = {"outer": b.receive_blocking, "inner": interrupt}
    for value in (CallsBack("outer"), CallsBack("inner"), "last"):
        a.send_norequest(value)
    with pytest.raises(KeyboardInterrupt):
        b.receive_blocking()
    assert b.available() == 3 and b.messages_received() == 0
    CallsBack.actions = {"outer": int, "inner": int}
    assert [getattr(value, "name", value) for value in b.receive_available()] == ["outer", "inner", "last"]


def test_ctrl_c_is_raised_where_the_link_is_gone_by_then(ends):
    a, b = ends
    CallsBack.actions = {"closes": lambda: (b.close(), interrupt())}
    a.send_norequest(CallsBack("closes"))
    a.send_norequest("another")
    with pytest.raises(KeyboardInterrupt):
        b.receive_available()


def test_replies_are_replies_still(ends):
    a, b = ends
    ids = a.send_request_multiple(range(3))
    for value in b.receive_available():
        b.send_reply(Interrupted(value) if value == 1 else value)
    with pytest.raises(KeyboardInterrupt):
        a.receive_available()
    assert a.remaining() == 3
    assert a.receive_reply(ids[1]) == 1
    assert list(a.receive_remaining()) == [0, 2]
    assert a.remaining() == 0


def test_a_loop_over_replies_goes_on_behind_ctrl_c(ends):
    a, b = ends
    a.send_request_multiple(range(3))
    for value in b.receive_available():
        b.send_reply(Interrupted(value) if value == 1 else value)
    replies = a.receive_remaining()
    assert next(replies) == 0
    with pytest.raises(KeyboardInterrupt):
        next(replies)
    assert list(a.receive_remaining()) == [1, 2]


def test_an_error_behind_others_is_raised_in_its_place(ends):
    a, b = ends
    for value in (1, Bad(), 3):
        a.send_norequest(value, "channel")
    a.send_norequest("fine", "other")
    assert b.receive_available("channel") == [1]
    assert coproc.wait_any([b], 60) == 0 and b.pipe_poll()
    assert b.available("channel") == 2
    assert b.receive_blocking("other") == "fine"
    with pytest.raises(LookupError):
        b.receive_available("channel")
    assert b.receive_available("channel") == [3]


def say_and_end(messenger, *, values):
    for value in values:
        messenger.send_norequest(value)


def test_a_new_run_has_nothing_of_the_last_one():
    worker = WorkerResource(say_and_end)
    worker.start(values=[1, Bad()])
    worker.join()
    assert worker.messenger.receive_available() == [1]
    worker.start(values=[2])
    assert worker.messenger.receive_blocking() == 2
    worker.join()


def test_what_is_left_outlives_the_worker():
    worker = WorkerResource(say_and_end)
    worker.start(values=[1, Bad(), 3])
    worker.join()
    assert worker.messenger.receive_available() == [1]
    with pytest.raises(LookupError):
        worker.messenger.receive_available()
    assert worker.messenger.receive_available() == [3]
    with pytest.raises(coproc.WorkerDiedError):
        worker.messenger.receive_available()
