"""Streams under Ctrl-C, dropped streams, and streams in forks."""

import copy
import gc
import os
import pickle
import signal
import sys
import threading
import time
import weakref

import coproc
import pytest


class Interrupted:
    """Ctrl-C comes when it is first unpickled."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return interrupt_once, (self.number,)


class InterruptedLoss(LookupError):
    """Ctrl-C comes when it is first unpickled."""

    def __reduce__(self):
        return interrupt_once, (LookupError("the table ends"),)


def interrupt_once(number):
    actions, interrupt_once.actions = interrupt_once.actions, []
    for action in actions:
        action()
    return number


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)  # which the handler ends


# ---- Ctrl-C ----


@pytest.mark.parametrize(
    "read", [next, lambda stream: stream.next(timeout=0), lambda stream: stream._try_next()[0], lambda s: list(s)[0]]
)
def test_ctrl_c_loses_no_part(pair, stream, request_of, read):
    b = pair[1]
    interrupt_once.actions = [interrupt]
    for part in (Interrupted(1), 2):
        b.reply_part_to(request_of, part)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    b.end_reply_to(request_of)
    assert stream.queued() == 2 and not stream.is_over
    assert read(stream) == 1
    assert list(stream) in ([2], [])  # `read` may have read all
    assert stream.is_over and stream.queued() == 0


def test_ctrl_c_loses_no_last_part(pair, stream, request_of):
    interrupt_once.actions = [interrupt]
    pair[1].reply_to(request_of, Interrupted(1))
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert not stream.is_over and stream.queued() == 1
    assert list(stream) == [1] and stream.is_over


@pytest.mark.parametrize("read", [next, lambda stream: stream._try_next(), list])
def test_ctrl_c_loses_no_error(pair, stream, request_of, read):
    interrupt_once.actions = [interrupt]
    pair[1].reply_error_to(request_of, InterruptedLoss())
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert not stream.is_over and stream.queued() == 1
    with pytest.raises(LookupError, match="the table ends"):
        read(stream)
    assert stream.is_over and stream.queued() == 0 and list(stream) == []


def test_an_error_that_is_ctrl_c_of_the_other_side_comes_once(pair, stream, request_of):
    pair[1].reply_error_to(request_of, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert stream.is_over and list(stream) == []


@pytest.mark.parametrize("ends", [lambda a, stream: stream.cancel(), lambda a, stream: a.close()])
def test_a_stream_that_ends_while_a_part_is_unpickled(pair, stream, request_of, ends):
    a, b = pair
    interrupt_once.actions = [lambda: ends(a, stream)]
    b.reply_part_to(request_of, Interrupted(1))
    assert next(stream) == 1
    interrupt_once.actions = []
    if a.closed:
        with pytest.raises(coproc.LinkClosedError):
            next(stream)
    else:
        assert stream.is_over


def test_a_cancelled_stream_keeps_no_part(pair, stream, request_of):
    interrupt_once.actions = [stream.cancel, interrupt]
    pair[1].reply_part_to(request_of, Interrupted(1))
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert stream.is_over and list(stream) == []


def test_unpickling_may_read_the_stream(pair, stream, request_of):
    got = []
    interrupt_once.actions = [lambda: got.append(next(stream))]
    for part in (Interrupted(1), 2):
        pair[1].reply_part_to(request_of, part)
    assert next(stream) == 1 and got == [2]


def in_a_moment(action):
    thread = threading.Thread(target=lambda: (time.sleep(0.1), action()))
    thread.start()
    return thread


def test_ctrl_c_ends_a_wait_for_a_part(pair, stream, request_of):
    thread = in_a_moment(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    thread.join()
    pair[1].reply_part_to(request_of, 1)
    assert next(stream) == 1


def test_ctrl_c_ends_a_wait_for_the_window(pair):
    a, b = pair
    stream = a.stream(0, window_bytes=1)
    request = b.receive_message_blocking()
    b.reply_part_to(request, 1)
    thread = in_a_moment(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        b.reply_part_to(request, 2)
    thread.join()
    assert next(stream) == 1
    b.reply_to(request, 2)
    assert list(stream) == [2]


# ---- dropped streams ----


def is_cancelled(b, request):
    try:
        b.try_reply_part_to(request, 1)
        return False
    except coproc.StreamCancelledError:
        return True


def test_a_dropped_stream_is_cancelled_and_free_at_once(no_collector, pair):
    a, b = pair
    references = sys.getrefcount(a)
    for _ in range(100):
        stream = a.stream(0)
        request = b.receive_message_blocking()
        b.reply_part_to(request, "unread")
        assert a.available() == 0 and stream.queued() == 1
        watched = weakref.ref(stream)
        del stream
        assert watched() is None and not a.pipe_poll()
        assert is_cancelled(b, request)
    assert a.available() == 0
    left = sys.getrefcount(a)
    assert left == references


def test_a_cycle_of_messenger_and_stream_is_freed(no_collector):
    a, b = coproc.PriorityMessenger.new_pair()
    a.kept = a.stream(0)
    messenger = weakref.ref(a)
    del a
    assert messenger() is not None
    gc.collect()
    assert messenger() is None
    request = b.receive_message_blocking()
    with pytest.raises((coproc.PeerClosedError, coproc.StreamCancelledError)):
        while True:
            b.reply_part_to(request, 1)


def test_a_stream_outlives_the_last_name_of_its_messenger():
    a, b = coproc.PriorityMessenger.new_pair()
    stream = a.stream(0)
    del a
    gc.collect()
    b.reply_to(b.receive_message_blocking(), 1)
    assert list(stream) == [1]


def test_a_stream_that_is_dropped_while_a_thread_waits_is_cancelled_soon(pair):
    a, b = pair
    stream = a.stream(0, window_bytes=1)
    request = b.receive_message_blocking()
    b.reply_part_to(request, 1)
    got = []
    thread = threading.Thread(target=lambda: got.append(a.receive_blocking("last", timeout=60)))
    thread.start()
    time.sleep(0.05)  # mostly enough for the thread to wait
    del stream
    with pytest.raises(coproc.StreamCancelledError):
        b.reply_part_to(request, 2)
    b.send_norequest("it", "last")
    thread.join()
    assert got == ["it"]


@pytest.mark.parametrize("give_up", [lambda streams: streams.clear(), lambda streams: streams[0].cancel()])
def test_a_stream_that_a_signal_handler_of_a_wait_gives_up_is_cancelled(pair, give_up):
    a, b = pair
    streams = [a.stream(0, window_bytes=1)]
    request = b.receive_message_blocking()
    before = signal.signal(signal.SIGUSR1, lambda *_: give_up(streams))
    try:
        thread = in_a_moment(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        answers = []

        def answer():
            with pytest.raises(coproc.StreamCancelledError):
                while True:
                    b.reply_part_to(request, 1)
            answers.append("cancelled")
            b.send_norequest("it")

        other = threading.Thread(target=answer)
        other.start()
        assert a.receive_blocking(timeout=60) == "it" and answers == ["cancelled"]
        other.join()
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_handler_cancels_the_stream_that_is_waited_for(pair, stream, request_of):
    a, b = pair
    before = signal.signal(signal.SIGUSR1, lambda *_: stream.cancel())
    try:
        thread = in_a_moment(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        assert list(stream) == []
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert stream.is_over and is_cancelled(b, request_of)
    assert a.available() == 0 and list(stream) == []


def test_streams_are_neither_copied_nor_pickled(stream):
    for refused in (copy.copy, pickle.dumps):
        with pytest.raises(TypeError):
            refused(stream)


def test_a_fork_cancels_no_stream_of_its_parent(pair, stream, request_of):
    pid = os.fork()
    if pid == 0:
        try:
            try:
                next(stream)
            except coproc.NotOwnerError:
                stream.cancel()
                del stream
                gc.collect()
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    pair[1].reply_to(request_of, 1)
    assert list(stream) == [1]
