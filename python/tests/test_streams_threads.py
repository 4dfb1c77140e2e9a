"""Streams of a messenger that several threads use: who waits, who gives up, and who closes it."""

import asyncio
import os
import sys
import threading
import time

import coproc
import pytest
from coproc import WorkerResource


def test_other_threads_send_while_one_waits_for_a_part(pair, stream, request_of):
    a, b = pair
    got = []
    thread = threading.Thread(target=lambda: got.extend(stream))
    thread.start()
    for number in range(300):
        a.send_norequest(number)
        assert b.receive_blocking() == number
        b.reply_part_to(request_of, number)
        assert a.available() == 0
    b.end_reply_to(request_of)
    thread.join()
    assert got == list(range(300))


def test_another_thread_may_cancel_a_stream_that_is_waited_for(pair, stream, request_of):
    got = []
    thread = threading.Thread(target=lambda: got.append(list(stream)))
    thread.start()
    pair[1].reply_part_to(request_of, 1)
    time.sleep(0.05)  # mostly enough for the thread to wait again
    stream.cancel()
    thread.join()
    assert got in ([[1]], [[]]) and stream.is_over
    with pytest.raises(coproc.StreamCancelledError):
        pair[1].try_reply_part_to(request_of, 2)


def test_one_thread_at_a_time_waits_in_a_messenger(pair, stream, request_of):
    a, b = pair
    raised = []

    def wait():
        try:
            a.receive_blocking("never")
        except InterruptedError as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    with pytest.raises(coproc.ConcurrentUseError):
        while True:
            with pytest.raises(TimeoutError):
                stream.next(timeout=0.01)  # until the thread is in its wait
    a.interrupt()
    thread.join()
    assert len(raised) == 1
    b.reply_to(request_of, 1)
    assert list(stream) == [1]


def test_a_read_without_a_wait_goes_beside_the_wait_of_another_thread(pair, stream, request_of):
    a, b = pair
    got = []
    thread = threading.Thread(target=lambda: got.append(a.receive_blocking("last")))
    thread.start()
    with pytest.raises(coproc.ConcurrentUseError):
        while True:
            with pytest.raises(TimeoutError):
                stream.next(timeout=0.01)  # until the thread is in its wait
    with pytest.raises(TimeoutError):
        stream.next(timeout=0)
    for part in (1, 2):
        b.reply_part_to(request_of, part)
    assert stream.next(timeout=0) == 1
    assert asyncio.run(stream.next_async()) == 2
    b.send_norequest("it", "last")
    thread.join()
    assert got == ["it"]


def test_an_interrupt_ends_the_waits_of_both_sides(pair):
    a, b = pair
    stream = a.stream(0, window_bytes=1)
    request = b.receive_message_blocking()
    for messenger, wait in ((a, lambda: next(stream)), (b, lambda: b.reply_part_to(request, 2))):
        messenger.interrupt()
        if messenger is b:
            b.reply_part_to(request, 1)
        with pytest.raises(InterruptedError):
            wait()
    assert next(stream) == 1


def test_a_messenger_that_is_closed_while_a_thread_waits_for_a_part(pair, stream, request_of):
    a, b = pair
    raised = []

    def wait():
        try:
            next(stream)
        except (InterruptedError, coproc.LinkClosedError) as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while True:
        try:
            a.interrupt()
            a.close()
            break
        except coproc.ConcurrentUseError:
            time.sleep(0.01)
    thread.join()
    with pytest.raises(coproc.LinkClosedError):
        next(stream)
    assert len(raised) == 1
    with pytest.raises(coproc.StreamCancelledError):
        b.reply_part_to(request_of, 1)


def test_a_messenger_that_is_closed_while_its_reader_has_stepped_aside(pair, stream, request_of):
    a, _ = pair
    raised = []

    def wait():
        try:
            next(stream)
        except coproc.LinkClosedError as error:
            raised.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    thread = threading.Thread(target=wait)
    try:
        thread.start()
        time.sleep(0.01)  # the thread waits for its part
        a.available()  # which it lets in
        a.close()  # before it is back
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert len(raised) == 1 and not stream.is_over
    with pytest.raises(coproc.LinkClosedError):
        next(stream)


def leave_a_thread_that_reads(messenger):
    stream = messenger.stream("host")
    assert next(stream) == 1

    def read():
        try:
            next(stream)
        except InterruptedError:
            os.write(leave_a_thread_that_reads.pipe, b"ended")

    threading.Thread(target=read).start()
    messenger.kept = stream


def test_a_target_that_returns_ends_the_reading_of_its_threads():
    ours, theirs = os.pipe()
    leave_a_thread_that_reads.pipe = theirs
    worker = WorkerResource(leave_a_thread_that_reads, method="fork")
    worker.start()
    os.close(theirs)
    request = worker.messenger.receive_message_blocking()
    worker.messenger.reply_part_to(request, 1)
    with open(ours, "rb") as told:
        assert told.read() == b"ended"
    assert worker.join().code == 0
    worker.stop()


def test_threads_that_use_many_streams_of_one_messenger(pair):
    """The parts of each are whole and in order, whoever reads, drops and answers meanwhile."""
    a, b = pair
    wrong = []

    def answer():
        while True:
            request = b.receive_message_blocking()
            if request.payload is None:
                return
            with coproc.ReplyStream(b, request) as parts:
                for number in range(request.payload):
                    parts.send(number)

    lock = threading.Lock()

    def read(count):
        for turn in range(20):
            with lock:  # one waits at a time
                stream = a.stream(count, window_bytes=2000)
                if turn % 3 == 0:
                    next(stream)
                elif list(stream) != list(range(count)):
                    wrong.append(turn)
                del stream

    def look():
        while not is_done:
            a.available(), a.send_norequest(0, "log"), b.receive_available("log")

    is_done = False
    threads = [threading.Thread(target=answer)] + [threading.Thread(target=read, args=(50 + n,)) for n in range(3)]
    looker = threading.Thread(target=look)
    for thread in (*threads, looker):
        thread.start()
    for thread in threads[1:]:
        thread.join()
    is_done = True
    looker.join()
    a.send_norequest(None)
    threads[0].join()
    assert not wrong and a.available() == 0
