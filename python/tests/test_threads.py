"""One thread waits for messages, others send meanwhile: log handlers, progress, heartbeats."""

import logging
import logging.handlers
import sys
import threading
import time

import coproc
import pytest
from coproc import PriorityMessenger


class ToHost(logging.handlers.QueueHandler):
    """As the logging cookbook's, with a messenger in the place of the queue."""

    def enqueue(self, record):
        self.queue.send_norequest(record.getMessage(), "log")


def log_and_serve(messenger, threads, lines):
    logger = logging.getLogger("of the worker")
    logger.addHandler(ToHost(messenger))
    logger.setLevel(logging.INFO)

    def log(number):
        for line in range(lines):
            logger.info("%d %d", number, line)

    started = [threading.Thread(target=log, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    while True:
        request = messenger.receive_blocking()
        if request == "end":
            break
        messenger.send_reply(request)
    for thread in started:
        thread.join()
    messenger.send_norequest("all are done")


def test_threads_of_a_worker_send_while_it_waits_for_requests(method):
    worker = coproc.WorkerResource(log_and_serve, method=method)
    worker.start(threads=3, lines=200)
    for number in range(200):
        worker.messenger.send_request(number)
        assert worker.messenger.receive_blocking() == number
    worker.messenger.send_norequest("end")
    assert worker.messenger.receive_blocking() == "all are done"
    lines = [tuple(map(int, line.split())) for line in worker.messenger.receive_available("log")]
    assert sorted(lines) == [(thread, line) for thread in range(3) for line in range(200)]
    assert [line for thread, line in lines if thread == 1] == list(range(200))
    worker.stop()


def test_a_thread_sends_while_another_one_waits_for_ever(pair):
    a, b = pair
    got = []
    thread = threading.Thread(target=lambda: got.append(a.receive_blocking("never", timeout=60)))
    thread.start()
    for number in range(500):
        a.send_norequest(number)
        assert b.receive_blocking() == number
        assert a.available() == 0 and a.remaining() == 0
    assert a.try_send("last") and b.receive_blocking() == "last"
    b.send_norequest("it", "never")
    thread.join()
    assert got == ["it"]


def test_steps_aside_count_for_the_time_of_the_wait(pair):
    a, b = pair
    raised = []

    def wait():
        try:
            a.receive_blocking(timeout=0.5)
        except TimeoutError as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        a.send_norequest(0)
        b.receive_blocking()
    thread.join()
    assert len(raised) == 1


def test_large_messages_of_several_threads_are_whole():
    a, b = coproc.PriorityMessenger.new_pair(coproc.LinkOptions(ring_bytes=4096, automatic_loans=False))
    threads = [
        threading.Thread(target=lambda n=n: [a.send_norequest((n, bytes([n]) * 300_000)) for _ in range(5)])
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    got = [b.receive_blocking(timeout=60) for _ in range(15)]
    for thread in threads:
        thread.join()
    assert (
        all(data == bytes([n]) * 300_000 for n, data in got)
        and sorted(n for n, _ in got) == [0] * 5 + [1] * 5 + [2] * 5
    )


def test_two_threads_that_wait_in_one_messenger_are_an_error_and_an_interrupt_is_told(pair):
    a, b = pair
    ended, began = [], threading.Event()

    def wait():
        began.set()
        try:
            a.receive_blocking()
        except InterruptedError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    began.wait()
    with pytest.raises(coproc.ConcurrentUseError, match="another thread waits"):
        while True:
            a.receive_blocking(timeout=0.01)  # until the thread is in its wait
            raise AssertionError("nothing was sent")
    with pytest.raises(coproc.ConcurrentUseError):
        a.close()
    a.send_norequest("one")
    assert b.receive_blocking() == "one" and not ended
    a.interrupt()
    thread.join()
    assert len(ended) == 1


def test_a_turn_that_was_asked_for_too_late_is_not_told_to_the_next_wait(pair):
    a, b = pair
    got, raised = [], []

    def wait():
        try:
            for _ in range(20):
                got.append(a.receive_blocking(timeout=60))
        except InterruptedError as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        thread.start()
        for number in range(20):
            time.sleep(0.01)  # the thread waits for its message
            b.send_norequest(number)
            end = time.perf_counter() + 0.005
            while time.perf_counter() < end:
                pass  # it has the message, and waits for the interpreter's lock
            a.available()
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert not raised and got == list(range(20))


def send_now(messenger, data):
    try:
        messenger.send_norequest(data, timeout=0)
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("send", [send_now, PriorityMessenger.try_send, PriorityMessenger.try_send_request])
def test_a_turn_that_was_asked_for_too_late_is_not_told_to_the_next_send(send):
    a, b = PriorityMessenger.new_pair(coproc.LinkOptions(ring_bytes=4096))
    while send(a, "until the link is full"):
        pass
    for _ in range(10):
        thread = threading.Thread(target=lambda: a.receive_blocking(timeout=60))
        interval = sys.getswitchinterval()
        sys.setswitchinterval(10)
        try:
            thread.start()
            time.sleep(0.01)  # the thread waits for its message
            b.send_norequest("it")
            end = time.perf_counter() + 0.005
            while time.perf_counter() < end:
                pass  # it has the message, and waits for the interpreter's lock
            a.remaining()  # asks for its turn, and does not wait for anything then
        finally:
            sys.setswitchinterval(interval)
        thread.join()
        assert not send(a, "until the link is full")


def test_wait_any_lets_others_send(pair):
    a, b = pair
    other, others_peer = coproc.PriorityMessenger.new_pair()
    found = []
    thread = threading.Thread(target=lambda: found.append(coproc.wait_any([other, a], timeout=60)))
    thread.start()
    for number in range(100):
        a.send_norequest(number)
        assert b.receive_blocking() == number
    b.send_norequest("found")
    thread.join()
    assert found == [1]
