import enum
import select
import threading
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import coproc
import pytest
from coproc import MultiMessenger, PriorityMessenger, WorkerResource


@dataclass
class Urgent:
    text: str
    priority: object = 0


def answer(messenger):
    while True:
        message = messenger.receive_message_blocking()
        if message.payload == "fail":
            messenger.reply_error_to(message, KeyError("asked for"))
        else:
            messenger.reply_to(message, message.payload)


# ---- the receives and the sends ----


def test_messages_arrive_in_order(pair):
    a, b = pair
    for i in range(10):
        a.send_norequest(i)
    assert b.available() == 10
    assert b.queue_size() == 10
    assert b.receive_blocking() == 0
    assert b.receive_available() == list(range(1, 10))
    assert b.receive_available() == []
    assert (a.messages_sent(), b.messages_received()) == (10, 10)


def test_a_timeout_is_the_builtin_error(pair):
    a, b = pair
    for receive in (a.receive_blocking, a.receive_message_blocking):
        with pytest.raises(TimeoutError):
            receive(timeout=0)
        with pytest.raises(TimeoutError):
            receive(timeout=0.01)
    with pytest.raises(ValueError, match="not nan"):
        a.receive_blocking(timeout=float("nan"))
    with pytest.raises(TimeoutError):
        while True:
            a.send_norequest("x" * 10_000, timeout=0.01)
    sent = a.messages_sent()
    assert not a.try_send("x" * 10_000)
    assert a.messages_sent() == sent  # what raised was not sent
    assert len(b.receive_available()) == sent
    assert a.try_send("y")


def test_requests_and_replies_are_counted_and_matched(pair):
    host, worker = pair
    ids = host.send_request_multiple([1, 2, 3])
    assert ids == sorted(set(ids))
    assert host.remaining() == 3 and host.requests_sent() == 3
    worker.send_norequest("in between")
    requests = worker.receive_available_messages()
    assert [r.payload for r in requests] == [1, 2, 3]
    assert all(r.request_reply and not r.is_reply and r.channel_id is None for r in requests)
    worker.reply_to(requests[2], "three")
    assert host.receive_reply(ids[2]) == "three"
    with pytest.raises(coproc.NoRequestError):
        worker.reply_to(requests[2], "again")
    with pytest.raises(coproc.NoRequestError):
        host.receive_reply(ids[2])
    worker.send_reply("one")  # of the oldest
    worker.send_reply("two")
    assert list(host.receive_remaining()) == ["one", "two"]
    assert host.remaining() == 0 and host.replies_received() == 3
    assert host.receive_blocking() == "in between"
    assert list(host.receive_remaining()) == []
    assert host.request_ctr.requests == {None: 3} and host.request_ctr.received == {None: 4}


def test_an_error_of_one_request_is_raised_by_its_reply():
    with WorkerResource(answer) as worker:
        first, second = worker.messenger.send_request_multiple(["fail", "fine"])
        assert worker.messenger.receive_reply(second) == "fine"
        with pytest.raises(KeyError, match="asked for"):
            worker.messenger.receive_reply(first)
        worker.messenger.send_request("fail")
        with pytest.raises(KeyError):
            list(worker.messenger.receive_remaining())
        assert worker.messenger.remaining() == 0


def test_seed_names(pair):
    a, b = pair
    a.send_data_message("request", True, False)
    a.send_data_message("plain", False, False, "channel")
    assert b.pipe_poll()
    assert b.receive_message_blocking().request_reply
    b.send_data_message("reply", request_reply=False, is_reply=True)
    assert [m.payload for m in a.receive_remaining_messages()] == ["reply"]
    assert not a.pipe_poll()
    assert b.receive_blocking("channel") == "plain"
    with pytest.raises(ValueError):
        a.send_data_message(1, True, True)


def test_a_close_request_overtakes_and_stays(pair):
    a, b = pair
    a.send_norequest("before")
    a.send_close_request()
    assert b.close_requested
    with pytest.raises(coproc.ResourceRequestedClose):
        b.receive_blocking()
    assert b.receive_blocking() == "before"
    with pytest.raises(coproc.ResourceRequestedClose):
        b.receive_blocking()


def test_the_end_of_the_other_side_comes_after_what_it_sent(pair):
    a, b = pair
    a.send_norequest("last")
    a.close()
    assert a.closed
    assert b.receive_blocking() == "last"
    for error in (coproc.PeerClosedError, coproc.LinkClosedError, EOFError):
        with pytest.raises(error):
            b.receive_blocking()
    with pytest.raises(coproc.LinkClosedError, match="closed"):
        a.send_norequest(1)
    assert "closed" in repr(a)


# ---- priorities ----


def test_lower_priorities_come_first_and_equal_ones_in_order():
    a, b = PriorityMessenger.new_pair()
    for message in (Urgent("c", 2), Urgent("a", 1), Urgent("d", 2.0), Urgent("b", True), Urgent("first", None)):
        a.send_norequest(message)
    a.send_norequest("no priority")
    a.send_norequest("given", priority=-5)
    got = [m if isinstance(m, str) else m.text for m in b.receive_available()]
    assert got == ["first", "no priority", "given", "a", "b", "c", "d"]


def test_any_number_is_a_priority_and_is_compared_exactly():
    a, b = PriorityMessenger.new_pair()
    numbers = [2**62 + 1, 2**62, Fraction(1, 3), Decimal("0.25"), float("inf"), -(10**400)]
    for number in numbers:
        a.send_norequest(Urgent("", number))
    assert [m.priority for m in b.receive_available()] == sorted(numbers)


def test_what_is_no_priority_is_an_error_and_nothing_is_sent():
    class Broken:
        @property
        def priority(self):
            return self.missing

    class Failing:
        @property
        def priority(self):
            raise ZeroDivisionError("in the property")

    a, b = PriorityMessenger.new_pair()
    with pytest.raises(AttributeError, match="missing"):
        a.send_norequest(Broken())
    with pytest.raises(ZeroDivisionError):
        a.send_norequest(Failing())
    with pytest.raises(ValueError, match="NaN"):
        a.send_norequest(Urgent("", float("nan")))
    with pytest.raises(TypeError, match="number"):
        a.send_norequest("x", priority="high")
    assert a.messages_sent() == 0 and b.available() == 0


@pytest.mark.parametrize("attribute", ["high", enum.Enum("Colour", "RED").RED, None, ["a"], 1j])
def test_an_attribute_that_is_no_number_only_happens_to_have_this_name(attribute):
    a, b = PriorityMessenger.new_pair()
    a.send_norequest(Urgent("last", 1))
    a.send_norequest(Urgent("first", attribute))
    assert [m.text for m in b.receive_available()] == ["first", "last"]


class RaisesAsNumber:
    def __index__(self):
        raise KeyError("the user's own")


class RaisesAsFloat:
    def __float__(self):
        raise KeyError("the user's own")


@pytest.mark.parametrize("number", [RaisesAsNumber(), RaisesAsFloat()])
def test_an_error_of_a_number_that_is_a_priority_is_not_hidden(pair, number):
    a, b = pair
    with pytest.raises(KeyError, match="the user's own"):
        a.send_norequest(1, priority=number)
    assert not b.available()


def test_a_multi_messenger_looks_at_no_priority():
    a, b = MultiMessenger.new_pair()
    for message in (Urgent("x", 2), Urgent("y", "no number")):
        a.send_norequest(message)
    assert [m.text for m in b.receive_available()] == ["x", "y"]


# ---- waiting for several, threads ----


def test_wait_any_tells_which():
    pairs = [PriorityMessenger.new_pair() for _ in range(3)]
    mine = [a for a, b in pairs]
    assert coproc.wait_any(mine, timeout=0) is None
    pairs[2][1].send_norequest(1)
    assert coproc.wait_any(mine) == 2
    assert mine[2].receive_blocking() == 1
    pairs[0][1].close()
    assert coproc.wait_any(mine) == 0  # its end is something to raise
    with pytest.raises(TypeError):
        coproc.wait_any([None])


def test_its_descriptor_is_readable_while_something_is_there(pair):
    a, b = pair

    def is_readable():
        return bool(select.select([b], [], [], 0)[0])

    assert not is_readable()
    a.send_norequest(1)
    assert is_readable()
    b.receive_blocking()
    assert not is_readable()
    a.close()
    assert is_readable()


def test_options_are_checked_and_shown():
    assert "ring_bytes=65536" in repr(coproc.LinkOptions())
    assert coproc.LinkOptions(spin=None).spin is None
    assert repr(coproc.StopOptions(1, 2)) == "StopOptions(close=1.0, terminate=2.0, kill=10.0)"
    with pytest.raises(ValueError, match="ring_bytes"):
        PriorityMessenger.new_pair(coproc.LinkOptions(ring_bytes=5))
    a, b = PriorityMessenger.new_pair(coproc.LinkOptions(max_message_bytes=100_000))
    with pytest.raises(coproc.MessageTooLargeError, match="max_message_bytes"):
        a.send_norequest(b"x" * 200_000)
    with pytest.raises(ValueError, match="codec"):
        PriorityMessenger(codec="json")


class AsksToClose:
    """Its receiver is asked to close while it is unpickled."""

    def __setstate__(self, state):
        self.peer = AsksToClose.peer
        self.peer.send_close_request()


@pytest.mark.parametrize("receive", ["receive_available", "receive_available_messages"])
def test_a_close_request_between_messages_takes_none_with_it(receive):
    a, b = coproc.PriorityMessenger.new_pair()
    AsksToClose.peer = b
    closing = AsksToClose()
    closing.x = 1
    b.send_norequest(closing)
    b.send_norequest("two")
    if receive == "receive_available_messages":
        assert len(a.receive_available_messages()) == 2  # nothing was unpickled yet
        return
    assert [type(value) for value in a.receive_available()] == [AsksToClose, str]
    with pytest.raises(coproc.ResourceRequestedClose):
        a.receive_available()


def test_text_that_is_not_unicode():
    a, b = coproc.PriorityMessenger.new_pair()
    b.send_norequest(1, "\udcff")
    assert a.receive_blocking("\udcff") == 1
    for path in (b"/nowhere\xff", "/nowhere\udcff"):
        with pytest.raises(coproc.StartError, match="nowhere"):
            coproc.ProgramResource(path).start()
