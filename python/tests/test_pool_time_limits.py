"""A time limit holds for each task, whatever that does."""

import os
import signal
import time

import coproc
import pytest
from coproc import Pool
from tasks import double, sleep, spin, square


def test_a_task_that_takes_too_long_is_ended(pool):
    results = pool.imap(sleep, [0.0, 60, 0.01], chunksize=1, time_limit=0.3)
    assert next(results) == 0.0
    with pytest.raises(coproc.TaskTimeoutError, match="0.3"):
        next(results)
    assert next(results) == 0.01
    with pytest.raises(ValueError):
        pool.map(square, [1], time_limit=0)


def test_a_time_limit_does_not_depend_on_the_handlers_of_the_host():
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        with Pool(1, method="fork") as pool:
            with pytest.raises(coproc.TaskTimeoutError):
                pool.map(spin, [5], time_limit=0.2)
    finally:
        signal.signal(signal.SIGALRM, before)


def use_alarm_then(x):
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.alarm(1)
    signal.alarm(0)
    time.sleep(x)


def block_alarm_then(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(x)


def ignore_alarm_then(x):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(x)


def stop_oneself(x):
    os.kill(os.getpid(), signal.SIGSTOP)


class SlowToPickle:
    def __reduce__(self):
        time.sleep(60)


def slow_result(x):
    return SlowToPickle()


class SlowToUnpickle:
    def __reduce__(self):
        return time.sleep, (60,)


@pytest.mark.parametrize("task", [use_alarm_then, block_alarm_then, ignore_alarm_then, stop_oneself, slow_result])
def test_a_time_limit_holds_whatever_the_task_does(task):
    with Pool(1) as pool:
        with pytest.raises(coproc.TaskTimeoutError, match="0.2"):
            pool.submit_with({"time_limit": 0.2}, task, 60).result()
        results = pool.imap(task, [60], time_limit=0.2)
        with pytest.raises(coproc.TaskTimeoutError, match="0.2"):
            next(results)
        assert pool.map(double, [1], time_limit=5) == [2]


def test_a_time_limit_holds_for_the_unpickling_of_arguments():
    with Pool(1) as pool:
        results = pool.imap(double, [1, SlowToUnpickle(), 3], time_limit=0.2, chunksize=1)
        assert next(results) == 2
        with pytest.raises(coproc.TaskTimeoutError):
            next(results)
        assert next(results) == 6


def test_a_time_limit_is_not_that_of_a_whole_chunk():
    with Pool(1) as pool:
        assert pool.map(sleep, [0.02] * 60, chunksize=60, time_limit=1) == [0.02] * 60
