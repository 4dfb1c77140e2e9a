"""Channels that keep only the newest message."""

import os

import coproc
import pytest
from coproc import WorkerResource


def test_only_the_newest_is_returned(pair):
    a, b = pair
    b.keep_latest("state")
    for number in range(10):
        a.send_norequest(number, "state")
    assert b.receive_blocking("state") == 9
    with pytest.raises(TimeoutError):
        b.receive_blocking("state", timeout=0)
    a.send_norequest(10, "state", priority=7)
    assert b.available("state") == 1
    a.send_norequest(11, "state", priority=9)
    assert b.receive_available("state") == [11]
    assert b.messages_replaced("state") == 10 and b.messages_received("state") == 2
    assert b.messages_replaced() == 0


def test_the_call_drops_what_has_come(pair):
    a, b = pair
    for number in range(3):
        a.send_norequest(number, priority=-number)
    assert b.available() == 3
    b.keep_latest()
    b.keep_latest()
    assert b.queue_size() == 1 and b.messages_replaced() == 2
    assert b.receive_blocking() == 2


def test_other_channels_requests_and_replies_lose_nothing(pair):
    a, b = pair
    for messenger in pair:
        messenger.keep_latest("state")
    for number in range(3):
        a.send_norequest(number, "state")
        a.send_request(10 + number, "state")
        a.send_norequest(20 + number)
    for message in b.receive_available_messages("state"):
        if message.request_reply:
            b.reply_to(message, message.payload)
        else:
            assert message.payload == 2
    assert b.receive_available() == [20, 21, 22]
    assert list(a.receive_remaining("state")) == [10, 11, 12]


def interrupt_once(number):
    if interrupt_once.is_armed:
        interrupt_once.is_armed = False
        raise KeyboardInterrupt
    return number


class Interrupted:
    """Ctrl-C comes when it is first unpickled."""

    def __init__(self, number):
        self.number = number
        interrupt_once.is_armed = True

    def __reduce__(self):
        return interrupt_once, (self.number,)


@pytest.mark.parametrize("newer", [[], [2]])
def test_ctrl_c_puts_the_newest_back_unless_there_is_a_newer_one(pair, newer):
    a, b = pair
    b.keep_latest("state")
    a.send_norequest(Interrupted(1), "state")
    with pytest.raises(KeyboardInterrupt):
        b.receive_blocking("state")
    for number in newer:
        a.send_norequest(number, "state")
    assert b.receive_blocking("state") == (newer or [1])[0]
    with pytest.raises(TimeoutError):
        b.receive_blocking("state", timeout=0)


def send_states_and_die(messenger, last):
    for state in range(last + 1):
        messenger.send_norequest(state, "state")
    messenger.send_norequest("log")
    os._exit(3)


def test_the_newest_before_a_death_is_delivered_and_a_new_start_keeps_it_so(method):
    worker = WorkerResource(send_states_and_die, method=method)
    worker.start(last=100)
    worker.messenger.keep_latest("state")
    for last in (100, 7):
        assert worker.messenger.receive_blocking() == "log"
        assert worker.messenger.receive_blocking("state") == last
        with pytest.raises(coproc.WorkerDiedError):
            worker.messenger.receive_blocking("state")
        worker.join()
        if last == 100:
            assert worker.messenger.messages_replaced("state") == 100
            worker.start(last=7)
    worker.stop()


def test_what_cannot_be_a_channel_and_a_closed_messenger(pair):
    with pytest.raises(TypeError):
        pair[0].keep_latest([])
    pair[0].close()
    with pytest.raises(coproc.LinkClosedError):
        pair[0].keep_latest()
    assert pair[0].messages_replaced() == 0
