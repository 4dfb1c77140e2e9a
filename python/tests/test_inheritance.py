"""What a worker does not have of its host: handlers of signals, an event loop, the numbers that others draw."""

import asyncio
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading

import coproc
import numpy as np
import pytest


def tell_signals(messenger):
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    messenger.send_norequest(
        [number for number, handler in handlers.items() if callable(handler) and number != signal.SIGINT]
    )
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


def tell_observers(messenger):
    found = sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()
    messenger.send_norequest([getattr(each, "__name__", each) for each in found])


def nothing_is_seen(*_):
    return None


def the_workers_own(*_):
    return None


@pytest.fixture
def observed():
    """This process is traced and profiled."""
    before = sys.gettrace(), sys.getprofile()
    for set_to in (sys.settrace, sys.setprofile, threading.settrace, threading.setprofile):
        set_to(nothing_is_seen)
    yield
    sys.settrace(before[0])
    sys.setprofile(before[1])
    threading.settrace(None)
    threading.setprofile(None)


def test_what_traces_and_profiles_the_host_stays_with_the_host(observed, method):
    with coproc.WorkerResource(tell_observers, method=method) as worker:
        assert worker.messenger.receive_blocking() == [None] * 4
    assert sys.gettrace() is nothing_is_seen


def test_what_was_started_in_the_worker_stays_there(observed, monkeypatch):
    bootstrap = multiprocessing.process.BaseProcess._bootstrap

    def as_coverage_does(process, *arguments, **options):
        sys.settrace(the_workers_own)
        threading.settrace(the_workers_own)
        return bootstrap(process, *arguments, **options)

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "_bootstrap", as_coverage_does)
    with coproc.WorkerResource(tell_observers, method="fork") as worker:
        assert worker.messenger.receive_blocking() == ["the_workers_own", None, "the_workers_own", None]


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="from Python 3.12 on")
def test_a_profilers_monitoring_stays_with_the_host():
    sys.monitoring.use_tool_id(sys.monitoring.PROFILER_ID, "of the host")
    try:
        with coproc.WorkerResource(
            lambda messenger: messenger.send_norequest(sys.monitoring.get_tool(sys.monitoring.PROFILER_ID)),
            method="fork",
        ) as worker:
            assert worker.messenger.receive_blocking() is None
    finally:
        sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_coverage_measures_workers(method, tmp_path):
    pytest.importorskip("coverage")
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import coproc

def serve(messenger):
    value = messenger.receive_blocking()
    messenger.send_norequest(value + 1)  # of the worker alone

if __name__ == "__main__":
    with coproc.WorkerResource(serve, method={method!r}) as worker:
        worker.messenger.send_norequest(1)
        assert worker.messenger.receive_blocking(timeout=60) == 2
        worker.join(timeout=60)
"""
    )
    (tmp_path / ".coveragerc").write_text("[run]\nconcurrency = multiprocessing\nsource = .\n")

    def coverage(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "coverage", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    coverage("run", "program.py")
    coverage("combine")
    assert "100%" in coverage("report", "-m"), coverage("report", "-m")
