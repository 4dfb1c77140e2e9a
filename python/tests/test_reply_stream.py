"""The block that answers a stream: how it ends, and what that tells the reader."""

import coproc
import pytest
from coproc import ReplyStream


class Lost(Exception):
    pass


@pytest.fixture
def asked(pair):
    a, b = pair
    return a.stream(0, window_bytes=1000), b, b.receive_message_blocking()


def test_a_block_ends_the_stream(asked):
    stream, b, request = asked
    with ReplyStream(b, request) as parts:
        parts.send(1)
        assert parts.try_send(2)
        while parts.try_send(3):
            pass
        with pytest.raises(TimeoutError):
            parts.send(4, timeout=0)
    assert set(stream) == {1, 2, 3}


def test_a_block_that_was_cancelled_ends(asked):
    stream, b, request = asked
    with ReplyStream(b, request) as parts:
        parts.send(1)
        stream.cancel()
        parts.send(2)
        raise AssertionError("not reached")
    with pytest.raises(coproc.NoRequestError):
        b.reply_part_to(request, 1)


def test_a_block_that_keeps_its_cancellation_ends_too(asked):
    stream, b, request = asked
    stream.cancel()
    with ReplyStream(b, request) as parts:
        with pytest.raises(coproc.StreamCancelledError):
            parts.try_send(1)


def test_the_cancellation_of_another_stream_leaves_a_block(asked):
    stream, b, request = asked
    with pytest.raises(coproc.StreamCancelledError, match="another"):
        with ReplyStream(b, request):
            raise coproc.StreamCancelledError("another")
    with pytest.raises(coproc.StreamCancelledError):
        next(stream)


def test_an_exception_of_the_block_is_the_answer_and_goes_on(asked):
    stream, b, request = asked
    with pytest.raises(Lost):
        with ReplyStream(b, request) as parts:
            parts.send(1)
            raise Lost("in the middle")
    assert next(stream) == 1
    with pytest.raises(Lost, match="in the middle"):
        next(stream)


def test_another_base_exception_leaves_the_stream_as_it_is(asked):
    stream, b, request = asked
    with pytest.raises(KeyboardInterrupt):
        with ReplyStream(b, request):
            raise KeyboardInterrupt
    b.reply_to(request, 1)
    assert list(stream) == [1]


def test_a_block_that_answers_by_itself(asked):
    stream, b, request = asked
    with ReplyStream(b, request) as parts:
        parts.send(1)
        b.reply_to(request, 2)
    assert list(stream) == [1, 2]


def test_what_is_no_request_has_no_answer(pair):
    a, b = pair
    a.send_norequest(0)
    with pytest.raises(coproc.NoRequestError):
        ReplyStream(b, b.receive_message_blocking())


def test_the_exception_of_a_block_is_raised_although_it_cannot_be_sent(asked):
    stream, b, request = asked
    with pytest.raises(Lost):
        with ReplyStream(b, request):
            b.close()
            raise Lost
