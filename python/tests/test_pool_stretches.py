"""Tasks that are handed to a worker together: each is answered, fails and dies by itself all the same."""

import os
import signal
import sys
import threading
import time

import coproc
import pytest
import tasks


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


class Stop(BaseException):
    pass


def stop():
    raise Stop("the worker")


@pytest.mark.parametrize("end", [kill_oneself, lambda: os._exit(3), lambda: sys.exit(3), stop])
def test_a_death_loses_no_result_that_was_put(pool, tmp_path, end):
    def task(x):
        (tmp_path / f"{x} {os.getpid()}").touch()
        if x == 7:
            end()
        return x

    results = pool.imap(task, range(20), chunksize=20)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(
        coproc.RemoteError if end is stop else coproc.WorkerDiedError,
        match="Stop: the worker" if end is stop else "while it ran task 7",
    ):
        next(results)
    assert list(results) == list(range(8, 20))
    assert len(list(tmp_path.iterdir())) == 20


def test_a_result_of_a_class_that_is_not_here_is_the_error_of_its_task_alone(pool):
    def task(x):
        if x != 3:
            return x
        tasks.OnlyThere = type("OnlyThere", (), {"__module__": "tasks"})
        return tasks.OnlyThere()

    results = pool.imap(task, range(6), chunksize=6)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(AttributeError, match="OnlyThere"):
        next(results)
    assert list(results) == [4, 5]
    assert not any(place.replaced for place in pool.insights())


class OddClass(type):
    def __getattribute__(cls, name):
        if name == "__module__":
            raise LookupError("no module")
        return super().__getattribute__(name)


class Odd(metaclass=OddClass):
    pass


class Nameless:
    pass


Nameless.__qualname__ = "\udcff"


def odd_on_three(x):
    return Odd() if x == 3 else x


def nameless_on_three(x):
    return Nameless() if x == 3 else x


def lock_on_three(x):
    return threading.Lock() if x == 3 else x


@pytest.mark.parametrize("task", [odd_on_three, lock_on_three])
def test_a_result_that_cannot_be_sent_is_the_error_of_its_task_alone(pool, task):
    results = pool.imap(task, range(6), chunksize=6)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Exception):
        next(results)
    assert list(results) == [4, 5]
    assert not any(place.replaced for place in pool.insights())


def test_a_class_whose_name_is_no_text_is_no_harm(pool):
    results = pool.map(nameless_on_three, range(6), chunksize=6)
    assert [type(result) is int for result in results] == [True, True, True, False, True, True]


def test_a_long_task_does_not_hold_up_results_before_it(pool, tmp_path):
    answer = tmp_path / "answer"

    def task(x):
        while x == 3 and not answer.exists():
            time.sleep(0.01)
        return [x] if x == 5 else x

    results = pool.imap(task, range(6), chunksize=6)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    answer.touch()
    assert list(results) == [3, 4, [5]]


def test_results_of_every_kind_keep_their_order(pool):
    kinds = [
        lambda x: x,
        lambda x: [x],
        lambda x: "x" * x,
        lambda x: bytes(100_000),
        lambda x: {x: x},
        lambda x: "y" * 50_000,
    ]
    assert pool.map(lambda x: kinds[x % 6](x), range(3000), chunksize=100) == [kinds[x % 6](x) for x in range(3000)]


def test_results_of_short_tasks_do_not_wait_for_their_chunk(pool):
    began = time.monotonic()
    results = pool.map_unordered(lambda x: (time.sleep(0.01), x)[1], range(100), chunksize=100)
    next(results)
    first = time.monotonic() - began
    list(results)
    assert first < (time.monotonic() - began) / 2
