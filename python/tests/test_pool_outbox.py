"""Results of small tasks, which a pool's worker puts into memory that it shares with its host."""

import mmap
import os
import signal
import sys
import threading
import time

import coproc
import pytest
import tasks
from coproc import Pool, _core
from coproc.pool.worker import Put
from tasks import die_on, square

FAILED = lambda error: ("failed", error)  # noqa: E731


@pytest.fixture
def ends():
    """The worker's and the host's, over the same memory."""
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    host = _core.Outbox(memory, True)
    return _core.Outbox(memory, False), host


def test_what_was_put_is_taken_in_its_order(ends):
    worker, host = ends
    values = [1, -2.5, "text", b"bytes", None, True, "", 2**62]
    for value in values:
        worker.begin_task()
        assert worker.put(value) is not None
    assert host.begun == len(values)
    assert worker.take_unsaid() == len(values)
    assert worker.take_unsaid() == 0
    assert host.take(3, FAILED) == values[:3]
    assert host.take_until(host.end, FAILED) == values[3:]
    assert host.take_until(host.end, FAILED) == []


def test_the_memory_is_used_again_and_again(ends):
    worker, host = ends
    for round in range(1000):
        values = [f"{round} {'x' * (7 * i)}" for i in range(round % 20)]
        for value in values:
            assert worker.put(value) is not None
        assert host.take(len(values), FAILED) == values


def test_what_has_no_room_or_is_not_plain_is_not_taken(ends):
    worker, host = ends
    put = 0
    while worker.put(put) is not None:
        put += 1
    assert 200 < put < mmap.PAGESIZE
    assert worker.put([1]) is None and worker.put("x" * mmap.PAGESIZE) is None
    assert host.take_until(host.end, FAILED) == list(range(put))
    assert worker.put(7) is not None
    assert host.take_until(host.end, FAILED) == [7]


@pytest.mark.parametrize("word", [0, 1, 2**32, 2**63, 2**64 - 1])
@pytest.mark.parametrize("place", [16, 48, 52])  # how much was put, and the first result
def test_lies_are_errors(place, word):
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    host, worker = _core.Outbox(memory, True), _core.Outbox(memory, False)
    for value in range(10):
        worker.put(value)
    memory[place : place + 8] = word.to_bytes(8, "little")
    try:
        assert len(host.take(10, FAILED)) == 10
    except coproc.ProtocolError as error:
        assert "pool's worker" in str(error)
    else:
        assert place == 52


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


def at_seven(then):
    def run(x):
        if x == 7:
            then()
        return x

    return run


def answer_too_much():
    frame = sys._getframe()
    while "outbox" not in frame.f_locals:
        frame = frame.f_back
    for _ in range(100):
        frame.f_locals["outbox"].put("a lie")


def test_a_worker_that_answers_what_it_was_not_asked_is_replaced(pool):
    assert pool.map(square, range(10)) == [x * x for x in range(10)]
    pids = {worker.pid for worker in pool}
    assert pool.map(at_seven(answer_too_much), range(8), chunksize=8) == [0, 1, 2, 3, 4, 5, 6, "a lie"]
    assert pool.map(square, range(1000)) == [x * x for x in range(1000)]
    assert len(pids & {worker.pid for worker in pool}) == 1


@pytest.mark.parametrize("count", [-1, 0, 1, 2**70, "x", None])
def test_what_a_worker_says_of_its_outbox_may_be_a_lie(pool, count):
    task = pool.submit(Put, count)
    with pytest.raises(coproc.WorkerDiedError):
        task.result()
    assert pool.map(square, range(100)) == [x * x for x in range(100)]
    assert sum(place.replaced for place in pool.insights()) == 1


@pytest.mark.parametrize(
    "options",
    [{"loan_bytes": mmap.PAGESIZE}, {"max_message_bytes": 64 << 10}, {"max_message_bytes": 2048, "ring_bytes": 4096}],
)
def test_a_link_that_takes_little_is_enough(options):
    with Pool(1, link=coproc.LinkOptions(**options)) as pool:
        assert pool.map(square, range(100), chunksize=20) == [x * x for x in range(100)]


def test_a_link_that_lends_little_is_enough():
    with Pool(1, link=coproc.LinkOptions(loan_bytes=mmap.PAGESIZE)) as pool:
        assert pool.map(square, range(5000)) == [x * x for x in range(5000)]
        assert pool.map(die_on(-1), range(100), chunksize=100) == list(range(100))
