"""Results of small tasks, which a pool's worker puts into memory that it shares with its host."""

import mmap
import os
import signal
import sys
import time

import coproc
import pytest
import tasks
from coproc import Pool, _core
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
    assert host.take(None, FAILED) == values[3:]
    assert host.take(None, FAILED) == []


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
    assert host.take(None, FAILED) == list(range(put))
    assert worker.put(7) is not None
    assert host.take(None, FAILED) == [7]


@pytest.mark.parametrize("word", [0, 1, 2**32, 2**63, 2**64 - 1])
@pytest.mark.parametrize("place", [16, 32, 36])  # how much was put, and the first result
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
        assert place == 36


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("end", [kill_oneself, lambda: os._exit(3)])
def test_a_death_loses_no_result_that_was_put(pool, tmp_path, end):
    def task(x):
        (tmp_path / f"{x} {os.getpid()}").touch()
        if x == 7:
            end()
        return x

    results = pool.imap(task, range(20), chunksize=20)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(coproc.WorkerDiedError, match="while it ran task 7"):
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


def test_results_of_every_kind_keep_their_order(pool):
    kinds = [lambda x: x, lambda x: [x], lambda x: "x" * x, lambda x: bytes(100_000), lambda x: {x: x}, lambda x: "y" * 50_000]
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


def test_a_link_that_lends_little_is_enough():
    with Pool(1, link=coproc.LinkOptions(loan_bytes=mmap.PAGESIZE)) as pool:
        assert pool.map(square, range(5000)) == [x * x for x in range(5000)]
        assert pool.map(die_on(-1), range(100), chunksize=100) == list(range(100))
