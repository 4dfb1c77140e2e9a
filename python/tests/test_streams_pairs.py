"""Streams whose two ends are in this process: their window, order and times, what is refused, and ends."""

import asyncio
import dataclasses

import coproc
import pytest


@dataclasses.dataclass
class Row:
    number: int
    text: str


def send_while_allowed(messenger, request):
    count = 0
    while messenger.try_reply_part_to(request, count):
        count += 1
    return count


def test_the_window_bounds_what_is_unread(pair):
    a, b = pair
    stream = a.stream("rows", window_bytes=10 * (160 + len_of_a_part(a, b)))
    request = b.receive_message_blocking()
    assert request.payload == "rows" and send_while_allowed(b, request) == 10
    with pytest.raises(TimeoutError, match="window"):
        b.reply_part_to(request, 0, timeout=0)
    assert [stream.next(timeout=0) for _ in range(4)] == list(range(4))
    assert send_while_allowed(b, request) == 0  # credit comes for half of a window
    assert stream.next(timeout=0) == 4
    assert send_while_allowed(b, request) == 5
    assert [stream.next(timeout=0) for _ in range(10)] == [*range(5, 10), *range(5)]
    b.end_reply_to(request)
    assert stream.next(timeout=0) is None
    for refused in (lambda: b.end_reply_to(request), lambda: b.reply_part_to(request, 1)):
        with pytest.raises(coproc.NoRequestError):
            refused()


def len_of_a_part(a, b):
    """The bytes of a small integer as a part, counted by a window that only just has no room for a second one."""
    for length in range(1, 100):
        with a.stream(0, "measured", window_bytes=160 + length) as stream:
            request = b.receive_message_blocking("measured")
            sent = b.try_reply_part_to(request, 0), b.try_reply_part_to(request, 1)
            assert sent[0] and stream.next() == 0
            if not sent[1]:
                found = length
            with pytest.raises(coproc.StreamCancelledError):
                stream.cancel()
                b.reply_part_to(request, 2)
        if sent[1]:
            return found
    raise AssertionError


def test_several_streams_and_messages_do_not_block_each_other(pair):
    a, b = pair
    one, two = a.stream(1, "one"), a.stream(2, "two")
    first, second = b.receive_message_blocking("one"), b.receive_message_blocking("two")
    unread = send_while_allowed(b, first)
    assert unread > 10
    for number in range(1000):
        b.reply_part_to(second, number)
        assert two.next(timeout=0) == number
        b.send_norequest(number)
        assert a.receive_blocking() == number
    assert a.available() == 0 and one.queued() == unread
    assert [one.next(timeout=0) for _ in range(unread)] == list(range(unread))
    assert one.queued() == 0


def test_both_directions_at_once(pair):
    a, b = pair
    from_b, from_a = a.stream(0), b.stream(0)
    to_b, to_a = b.receive_message_blocking(), a.receive_message_blocking()
    for number in range(1000):
        b.reply_part_to(to_b, number)
        a.reply_part_to(to_a, -number)
        assert (next(from_b), next(from_a)) == (number, -number)


def test_all_kinds_of_parts(pair):
    numpy = pytest.importorskip("numpy")
    a, b = pair
    stream = a.stream(Row(0, "all"))
    request = b.receive_message_blocking()
    assert request.payload == Row(0, "all")
    parts = [None, Row(1, "one"), b"x" * 20_000, [1, "a"], b"y" * (1 << 20)]
    for sent in parts:
        assert b.try_reply_part_to(request, sent) or b.reply_part_to(request, sent) is None
        assert stream.next(default="none", timeout=0) == sent
    array = b.empty(100_000)
    for number in range(100):  # more than the link can lend, if nothing came back
        array[0] = number
        b.reply_part_to(request, numpy.arange(100_000))
        assert stream.next()[-1] == 99_999
    b.reply_to(request, "last")
    assert stream.next() == "last" and stream.is_over
    assert stream.next(default="none") == "none"


def test_the_codec_msgpack():
    a, b = coproc.PriorityMessenger.new_pair(codec="msgpack")
    stream = a.stream({"find": "a"})
    request = b.receive_message_blocking()
    assert request.payload == {"find": "a"}
    b.reply_part_to(request, [1, "x"])
    b.reply_to(request, {"end": None})
    assert list(stream) == [[1, "x"], {"end": None}]


def test_a_stream_is_no_reply_for_others(pair):
    a, b = pair
    stream = a.stream(0)
    a.send_request(1)
    assert a.remaining() == 1
    first = b.receive_message_blocking()
    b.receive_blocking()
    b.reply_part_to(first, "part")
    b.send_reply("last")  # the oldest request is the stream
    b.send_reply("reply")
    assert a.available() == 1 and list(a.receive_remaining()) == ["reply"]
    assert list(stream) == ["part", "last"]


def test_parts_for_a_request_of_one_reply_are_refused(pair):
    a, b = pair
    a.send_request(1)
    request = b.receive_message_blocking()
    for send in (b.reply_part_to, b.try_reply_part_to):
        with pytest.raises(coproc.NoRequestError, match="expects one reply"):
            send(request, 1)
    b.reply_to(request, 2)
    assert a.receive_blocking() == 2


def test_the_time_for_a_part(pair):
    a, b = pair
    stream = a.stream(0, each=0.01)
    request = b.receive_message_blocking()
    for wait in (stream.next, lambda timeout: next(stream)):
        for time in (0, 0.01):
            with pytest.raises(TimeoutError, match="no part"):
                wait(timeout=time)
    b.reply_part_to(request, 1)
    assert not stream.is_over and next(stream) == 1
    with pytest.raises(TimeoutError):
        for _ in stream:
            pass
    b.end_reply_to(request)
    assert list(stream) == []  # a new loop continues


@pytest.mark.parametrize(
    "options, error",
    [
        (dict(window_bytes=-1), ValueError),
        (dict(window_bytes="all"), TypeError),
        (dict(priority=float("nan")), ValueError),
        (dict(priority="high"), TypeError),
        (dict(channel_id=[]), TypeError),
        (dict(each=float("nan")), ValueError),
        (dict(timeout=float("nan")), ValueError),
    ],
)
def test_a_request_that_is_refused_has_sent_nothing(pair, options, error):
    a, b = pair
    with pytest.raises(error):
        a.stream(0, **options)
    assert b.available() == 0 and a.messages_sent() == 0
    stream = a.stream(0)
    b.end_reply_to(b.receive_message_blocking())
    assert list(stream) == []


def test_requests_for_streams_have_channels_and_priorities():
    a, b = coproc.PriorityMessenger.new_pair()
    streams = [a.stream(number, "channel", priority=-number) for number in range(3)]
    assert b.available() == 0
    for number in (2, 1, 0):
        request = b.receive_message_blocking("channel")
        assert (request.payload, request.priority) == (number, -number)
        b.reply_to(request, number)
    assert [list(stream) for stream in streams] == [[0], [1], [2]]


def test_waits_for_anything_tell_of_parts(pair):
    a, b = pair
    stream = a.stream(0)
    request = b.receive_message_blocking()
    assert not a.pipe_poll()
    b.reply_part_to(request, 1)
    assert a.pipe_poll() and coproc.wait_any([a], 60) == 0
    assert next(stream) == 1 and not a.pipe_poll()


def test_the_end_of_the_peer_comes_behind_its_parts(pair):
    a, b = pair
    stream = a.stream(0)
    b.reply_part_to(b.receive_message_blocking(), 1)
    b.close()
    assert next(stream) == 1
    with pytest.raises(coproc.PeerClosedError):
        next(stream)


def test_a_stream_whose_messenger_was_closed_does_not_seem_to_be_complete(pair):
    a, b = pair
    stream, read, cancelled = a.stream(0), a.stream(0), a.stream(0)
    requests = [b.receive_message_blocking() for _ in range(3)]
    b.reply_part_to(requests[0], 1)
    b.end_reply_to(requests[1])
    assert list(read) == []
    a.close()
    for _ in range(2):
        with pytest.raises(coproc.LinkClosedError):
            next(stream)
    assert not stream.is_over and stream.queued() == 0
    assert read.is_over and list(read) == []
    cancelled.cancel()
    assert list(cancelled) == []
    with pytest.raises(coproc.LinkClosedError):
        a.stream(0)


def bad():
    raise LookupError("cannot be made here")


class Bad:
    def __reduce__(self):
        return bad, ()


def test_a_part_that_cannot_be_unpickled_is_an_error_in_its_place(pair):
    a, b = pair
    stream = a.stream(0)
    request = b.receive_message_blocking()
    for part in (1, Bad(), 3):
        b.reply_part_to(request, part)
    b.reply_to(request, Bad())
    assert next(stream) == 1
    with pytest.raises(LookupError):
        next(stream)
    assert next(stream) == 3
    with pytest.raises(LookupError):
        next(stream)
    assert stream.is_over and list(stream) == []


class CannotBePickled:
    def __reduce__(self):
        raise LookupError("not this one")


def test_a_part_that_cannot_be_pickled_has_sent_nothing(pair):
    a, b = pair
    stream = a.stream(0)
    request = b.receive_message_blocking()
    for send in (b.reply_part_to, b.try_reply_part_to):
        with pytest.raises(LookupError):
            send(request, CannotBePickled())
    b.reply_to(request, 1)
    assert list(stream) == [1]


def test_an_end_without_a_part_answers_a_request_of_one_reply_by_none(pair):
    a, b = pair
    a.send_request(0)
    b.end_reply_to(b.receive_message_blocking())
    assert list(a.receive_remaining()) == [None]


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
def test_an_error_that_ends_loops_does_not_look_like_the_end(pair, kind):
    a, b = pair

    async def read(stream):
        return [part async for part in stream]

    for read_all in (list, lambda stream: asyncio.run(read(stream))):
        stream = a.stream(0)
        request = b.receive_message_blocking()
        b.reply_part_to(request, 1)
        b.reply_error_to(request, kind("of the other side"))
        with pytest.raises((RuntimeError, StopAsyncIteration)) as raised:
            read_all(stream)
        assert "of the other side" in str(raised.value) or isinstance(raised.value.__cause__, kind)
        assert stream.is_over
