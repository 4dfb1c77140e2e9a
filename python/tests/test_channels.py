"""What names a channel, and that each is one of its own."""

import enum
from decimal import Decimal

import coproc
import pytest
from coproc import WorkerResource


class Channel(enum.Enum):
    DATA = 1
    OTHER = 2


class Level(enum.IntEnum):
    LOW = 1


def echo_on_all(messenger, channels):
    while True:
        message = messenger.receive_any(channels)
        messenger.send_reply(message.payload, message.channel_id)


CHANNELS = [
    None, 0, 1, -1, 2**64 - 1, 2**70, -(2**70), 0.5, float("inf"), "", "text", "ü", b"", b"text", (),
    (1, "a"), (1, ("a",)), ((1,), "a"), frozenset(), frozenset({1, 2}), frozenset({"1", "2"}), Channel.DATA,
    Channel.OTHER, Decimal("1.5"), int, "x" * 3000,
]  # fmt: skip


def test_every_hashable_object_names_a_channel_of_its_own(method):
    with WorkerResource(echo_on_all, method=method) as worker:
        worker.stop()
        worker.start(channels=CHANNELS)
        for i, channel in enumerate(CHANNELS):
            worker.messenger.send_request(i, channel)
        for i, channel in enumerate(CHANNELS):
            assert worker.messenger.receive_blocking(channel) == i
            assert worker.messenger.remaining(channel) == 0
        assert worker.messenger.receive_available() == []


def test_equal_objects_name_one_channel(pair):
    a, b = pair
    for given, equal in (
        (1, True),
        (1, 1.0),
        (1, Level.LOW),
        (0, False),
        ((1, 1), (1.0, True)),
        (frozenset({3, 4}), frozenset({4.0, 3})),
    ):
        a.send_norequest(given, given)
        assert b.receive_blocking(equal, timeout=0) == given
    a.send_norequest("enum", Channel.DATA)
    assert b.receive_available("DATA") == b.receive_available(1) == []
    assert b.receive_blocking(Channel.DATA) == "enum"


def test_what_cannot_name_a_channel_is_an_error(pair):
    a, b = pair
    for channel in ([], {}, {1}):
        with pytest.raises(TypeError, match="unhashable"):
            a.send_norequest(1, channel)
    with pytest.raises(ValueError, match="4096"):
        a.send_norequest(1, "x" * 5000)
    with pytest.raises(Exception, match="pickle"):
        a.send_norequest(1, lambda: 0)
    assert b.available() == 0


def test_a_channel_that_is_none_is_forgotten(pair):
    a, _ = pair
    a.send_norequest(1, "one")
    with pytest.raises(Exception, match="pickle"):
        a.send_norequest(1, lambda: 0)
    assert a.request_ctr.sent["one"] == 1
    assert "MultiQueue" in repr(a)


def test_channels_of_a_receive_are_any_iterable(pair):
    a, b = pair
    for channels in ([1, 2], {1, 2}, (channel for channel in (1, 2)), {2: "two"}):
        a.send_norequest("x", 2)
        assert b.receive_any(channels).channel_id == 2
        assert coproc.wait_any({b}, 0) is None
    kept = []

    def messengers():
        for _ in range(3):
            one, other = coproc.MultiMessenger.new_pair()
            kept.append(other)
            yield one

    assert coproc.wait_any(messengers(), 0) is None
    with pytest.raises(TypeError, match="a list of channels"):
        b.receive_any("12")
    with pytest.raises(TypeError, match="no messenger"):
        coproc.wait_any([None])


def test_a_message_keeps_its_channel_whatever_its_own_code_does():
    a, b = coproc.PriorityMessenger.new_pair()
    other, _ = coproc.PriorityMessenger.new_pair()

    class Nested:
        @property
        def priority(self):
            other.send_norequest(1, "of the property")
            return 1

        def __reduce__(self):
            other.available("of the pickling")
            return str, ("nested",)

    a.send_request(Nested(), "mine")
    assert a.try_send(Nested(), "mine too")
    assert (b.receive_blocking("mine"), b.receive_blocking("mine too")) == ("nested", "nested")
    assert (a.remaining("mine"), a.remaining("of the property"), a.remaining("of the pickling")) == (1, 0, 0)
