"""Requests that are answered in several parts: workers that answer them, end, and die."""

import os

import coproc
import pytest
from coproc import WorkerResource


class Lost(Exception):
    pass


def serve(messenger):
    """Answers streams of these kinds; "cancelled" asks how many were given up."""
    cancelled = 0
    while True:
        request = messenger.receive_message_blocking()
        kind, count = request.payload
        if kind == "cancelled":
            messenger.reply_to(request, cancelled)
        elif kind == "die":
            for number in range(count):
                messenger.reply_part_to(request, number)
            os._exit(9)
        elif kind == "endless":
            try:
                for number in range(1 << 60):
                    messenger.reply_part_to(request, number)
            except coproc.StreamCancelledError:
                cancelled += 1
        elif kind == "fail":
            for number in range(count):
                messenger.reply_part_to(request, number)
            messenger.reply_error_to(request, Lost("the table ends"))
        else:
            for number in range(count):
                messenger.reply_part_to(request, number)
            messenger.end_reply_to(request)


@pytest.fixture
def worker(method):
    with WorkerResource(serve, method=method) as worker:
        yield worker


@pytest.fixture(params=[coproc.PriorityMessenger, coproc.MultiMessenger])
def any_worker(request):
    with WorkerResource(serve, request.param) as worker:
        yield worker


def test_parts_come_in_order_then_the_end(worker):
    stream = worker.messenger.stream(("count", 5000))
    assert list(stream) == list(range(5000))
    assert stream.is_over and stream.next() is None and list(stream) == []
    assert list(worker.messenger.stream(("count", 0))) == []
    assert worker.messenger.remaining() == 0


def test_an_error_is_raised_behind_the_parts_with_its_type(any_worker):
    stream = any_worker.messenger.stream(("fail", 3))
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Lost, match="the table ends"):
        next(stream)
    assert stream.is_over and list(stream) == []
    assert list(any_worker.messenger.stream(("count", 2))) == [0, 1]


def test_parts_of_a_dead_worker_are_delivered_before_its_death(worker):
    stream = worker.messenger.stream(("die", 50))
    assert worker.join().code == 9
    assert [next(stream) for _ in range(50)] == list(range(50))
    with pytest.raises(coproc.WorkerDiedError, match="code 9"):
        next(stream)
    assert stream.is_over


def test_a_death_in_the_middle_ends_a_loop_that_waits(any_worker):
    got = []
    with pytest.raises(coproc.WorkerDiedError):
        for number in any_worker.messenger.stream(("die", 1000)):
            got.append(number)
    assert got == list(range(1000))


def test_cancelling_ends_the_answer_and_leaves_nothing(worker):
    messenger = worker.messenger
    with messenger.stream(("endless", 0)) as stream:
        assert next(stream) == 0 and not stream.is_over
    assert stream.is_over and list(stream) == []
    assert messenger.call(("cancelled", 0)) == 1
    stream = messenger.stream(("endless", 0))
    stream.cancel()
    stream.cancel()
    assert messenger.call(("cancelled", 0)) == 2
    assert list(messenger.stream(("count", 3))) == [0, 1, 2]


def test_a_worker_that_waits_for_its_reader_heeds_a_close_request(worker):
    stream = worker.messenger.stream(("endless", 0), window_bytes=1)
    assert next(stream) == 0
    assert worker.stop().code == 0


def test_an_unread_stream_blocks_nothing(any_worker):
    messenger = any_worker.messenger
    unread = messenger.stream(("count", 100))
    assert list(messenger.stream(("count", 5))) == list(range(5))
    assert messenger.call(("cancelled", 0)) == 0
    assert list(unread) == list(range(100))


def test_the_stream_of_an_earlier_run_is_an_error(any_worker):
    stream = any_worker.messenger.stream(("endless", 0))
    assert next(stream) == 0
    any_worker.kill()
    any_worker.join()
    any_worker.start()
    with pytest.raises(coproc.NoRequestError):
        for _ in stream:
            pass
    assert stream.is_over
    assert list(any_worker.messenger.stream(("count", 2))) == [0, 1]


def read_from_host(messenger):
    messenger.send_norequest(list(messenger.stream("numbers")))


def test_a_worker_may_ask_its_host(method):
    with WorkerResource(read_from_host, method=method) as worker:
        request = worker.messenger.receive_message_blocking()
        assert request.payload == "numbers" and request.request_reply
        for number in range(1000):
            worker.messenger.reply_part_to(request, number)
        worker.messenger.end_reply_to(request)
        assert worker.messenger.receive_blocking() == list(range(1000))


def answer_until_all_is_received(messenger):
    for _ in range(2):
        request = messenger.receive_message_blocking()
        for number in range(request.payload):
            messenger.reply_part_to(request, number)
        messenger.end_reply_to(request)
    messenger.receive_blocking()


def test_streams_go_on_behind_an_end_of_messages():
    with WorkerResource(answer_until_all_is_received) as worker:
        one, two = (worker.messenger.stream(2000) for _ in range(2))
        worker.messenger.send_end()
        assert list(one) == list(two) == list(range(2000))
        assert worker.join().code == 0


def fail_in_the_middle(messenger):
    messenger.reply_part_to(messenger.receive_message_blocking(), 1)
    raise Lost("of the target")


def test_an_exception_that_leaves_the_target_is_raised_and_not_printed(capfd):
    with WorkerResource(fail_in_the_middle, method="fork") as worker:
        stream = worker.messenger.stream(0)
        worker.join()
        with pytest.raises(Lost, match="of the target") as raised:
            list(stream)
        assert isinstance(raised.value.__cause__, coproc.RemoteTraceback)
    assert "of the target" not in capfd.readouterr().err
