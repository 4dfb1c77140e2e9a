"""What a worker does not have of its host: handlers of signals, an event loop, the numbers that others draw."""

import asyncio
import multiprocessing
import os
import random
import signal
import threading

import coproc
import numpy as np
import pytest


def tell_signals(messenger):
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    messenger.send_norequest([number for number, handler in handlers.items() if callable(handler) and number != signal.SIGINT])
    messenger.send_norequest(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)
    messenger.send_norequest(list(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    messenger.send_norequest(signal.set_wakeup_fd(-1))
    os.kill(os.getpid(), signal.SIGINT)  # which its host decides about
    messenger.send_norequest("alive")
    while True:
        messenger.receive_blocking()


def draw(messenger):
    messenger.send_norequest((random.random(), np.random.random()))


def use_event_loop(messenger):
    async def answer():
        return 7

    try:
        asyncio.get_running_loop()
        messenger.send_norequest("there is one")
    except RuntimeError:
        messenger.send_norequest(asyncio.run(answer()))


@pytest.fixture
def handlers():
    """This process has handlers of its own, and blocks a signal."""
    came = []
    numbers = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    yield came, read
    signal.set_wakeup_fd(-1)
    os.close(read)
    os.close(write)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_hosts_handlers_stay_with_the_host(handlers):
    came, wakeups = handlers
    worker = coproc.WorkerResource(tell_signals, method="fork")
    worker.start()
    assert [worker.messenger.receive_blocking(timeout=60) for _ in range(5)] == [[], True, [], -1, "alive"]
    worker.terminate()
    assert worker.join().signal == signal.SIGTERM
    assert came == []
    with pytest.raises(BlockingIOError):
        os.read(wakeups, 1)


def test_a_signal_between_the_fork_and_the_target_is_the_workers(handlers):
    came, wakeups = handlers
    for _ in range(20):
        worker = coproc.WorkerResource(tell_signals, method="fork")
        worker.start()
        worker.terminate()  # mostly sooner than Python runs there
        assert worker.join().signal == signal.SIGTERM
    assert came == []
    with pytest.raises(BlockingIOError):
        os.read(wakeups, 1)


def test_workers_draw_other_numbers(method):
    random.seed(1)
    np.random.seed(1)
    drawn = []
    for _ in range(3):
        with coproc.WorkerResource(draw, method=method) as worker:
            drawn.append(worker.messenger.receive_blocking())
    drawn.append((random.random(), np.random.random()))
    assert len(set(drawn)) == len({number for number, _ in drawn}) == len({number for _, number in drawn}) == 4


def test_a_worker_that_a_loop_has_started_has_none():
    async def start():
        worker = coproc.WorkerResource(use_event_loop, method="fork")
        worker.start()
        try:
            return await worker.messenger.receive_async(timeout=60)
        finally:
            worker.stop()

    assert asyncio.run(start()) == 7


def test_a_fork_of_a_process_with_threads_is_warned_of_unless_asked_for():
    if multiprocessing.get_start_method() != "fork":
        pytest.skip("the default method is another one")
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        for method in ("fork", "spawn"):
            with coproc.WorkerResource(draw, method=method) as worker:
                worker.messenger.receive_blocking()
        with pytest.warns((RuntimeWarning, DeprecationWarning), match="thread"):
            with coproc.WorkerResource(draw) as worker:
                worker.messenger.receive_blocking()
    finally:
        stop.set()
        thread.join()
