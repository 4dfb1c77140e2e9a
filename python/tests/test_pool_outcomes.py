"""Results with their indices, and errors that say of which task they are."""

import os
import pickle
import signal
import time

import coproc
import pytest
from coproc import LinkOptions, Pool
from tasks import bomb_on_two, die_on, fail_on, raise_on_two, sleep, square


@pytest.mark.parametrize("chunksize", [1, 7, None])
def test_results_in_any_order_have_their_indices(pool, chunksize):
    items = list(range(1000, 3000))
    found = list(pool.map_unordered(square, items, chunksize).as_results())
    assert sorted(result.index for result in found) == list(range(2000))
    assert all(result.value == items[result.index] ** 2 and result.error is None for result in found)


def test_indices_are_those_of_the_input_and_not_of_the_results(tmp_path):
    def wait_or_go_on(x):
        while x == 0 and not (tmp_path / "last").exists():
            time.sleep(0.01)
        return x

    with Pool(2, window=1) as pool:  # so that 9 does not wait behind 0
        found = []
        for result in pool.map_unordered(wait_or_go_on, range(10), 1).as_results():
            found.append(result.index)
            if result.index == 9:
                (tmp_path / "last").touch()
        assert found.index(0) > found.index(9)
        in_order = pool.imap(wait_or_go_on, range(10), 1).as_results()
        assert [(result.index, result.value) for result in in_order] == [(x, x) for x in range(10)]


@pytest.mark.parametrize("chunksize", [1, 5])
def test_errors_have_their_indices_and_are_not_raised_by_next(pool, chunksize):
    found = {result.index: result for result in pool.map_unordered(fail_on({3, 7}), range(20), chunksize).as_results()}
    assert [index for index, result in sorted(found.items()) if result.error is not None] == [3, 7]
    with pytest.raises(ValueError, match="bad 7") as caught:
        found[7].value
    assert caught.value is found[7].error
    assert found[8].value == 8
    assert repr(found[8]) == "TaskResult(index=8, value=8)"
    assert repr(found[3]) == "TaskResult(index=3, error=ValueError('bad 3'))"


@pytest.mark.parametrize("task, kind", [(bomb_on_two, LookupError), (die_on(2), coproc.WorkerDiedError)])
def test_errors_of_all_kinds_are_at_their_indices(pool, task, kind):
    found = sorted(pool.map_unordered(task, range(5), 5).as_results(), key=lambda result: result.index)
    assert [result.index for result in found] == [0, 1, 2, 3, 4]
    assert isinstance(found[2].error, kind)
    assert [found[place].value for place in (0, 1, 3, 4)] == [0, 1, 3, 4]


def test_an_error_that_would_end_the_loop_is_another_one(pool):
    found = list(pool.imap(raise_on_two(StopIteration("over")), range(4)).as_results())
    assert [result.index for result in found] == [0, 1, 2, 3]
    assert isinstance(found[2].error, RuntimeError) and "task 2 raised StopIteration" in str(found[2].error)


def test_what_the_input_raises_is_raised(pool):
    def source():
        yield from range(3)
        raise LookupError("no more")

    results = pool.imap(square, source()).as_results()
    assert [next(results).value for _ in range(3)] == [0, 1, 4]
    with pytest.raises(LookupError, match="no more"):
        next(results)


def test_the_iterator_that_was_asked_is_empty_and_may_be_dropped(pool):
    plain = pool.map_unordered(square, range(50))
    numbered = plain.as_results()
    assert list(plain) == []
    plain.close()
    del plain
    assert len(list(numbered)) == 50


def test_results_that_were_read_have_no_indices_any_more(pool):
    results = pool.imap(square, range(3))
    next(results)
    with pytest.raises(ValueError, match="before the first"):
        results.as_results()
    assert list(results) == [1, 4]


def test_large_results_are_taken_in_as_they_are_read():
    with Pool(1, link=LinkOptions(ring_bytes=1 << 16, max_queued_bytes=200_000)) as pool:
        found = [(result.index, len(result.value)) for result in pool.imap(bytes, [50_000] * 20).as_results()]
    assert found == [(x, 50_000) for x in range(20)]


# ---- errors that know their task ----


def test_an_error_knows_its_task_and_its_worker():
    with Pool(1, name="checker") as pool:
        with pytest.raises(ValueError) as caught:
            pool.map(fail_on({3}), range(10))
        origin = caught.value.__cause__
        assert (origin.task, origin.worker, [origin.pid]) == (3, "checker", pool.pids())
        assert f"(task 3, in checker, pid {origin.pid})" in str(origin)
        numbers = [pool.submit(fail_on({1}), 1).exception().__cause__.task for _ in range(3)]
        assert numbers[1:] == [numbers[0] + 1, numbers[0] + 2]
        copy = pickle.loads(pickle.dumps(origin))
        assert (copy.text, copy.task, copy.worker, copy.pid) == (origin.text, 3, "checker", origin.pid)


def test_a_death_and_a_time_limit_know_their_task():
    with Pool(1, name="checker") as pool:
        with pytest.raises(coproc.WorkerDiedError) as caught:
            pool.map(die_on(5), range(10))
        assert (caught.value.task, caught.value.name) == (5, "checker")
        assert pickle.loads(pickle.dumps(caught.value)).task == 5
        found = [result.error for result in pool.imap(sleep, [0, 0, 60], time_limit=0.3).as_results()]
        assert found[:2] == [None, None] and isinstance(found[2], coproc.TaskTimeoutError)
        assert found[2].task == pickle.loads(pickle.dumps(found[2])).task == 2
        assert "task 2" in str(found[2])
        assert any("sleep" in line for line in found[2].stack)  # time.sleep is one of the C library there
        assert pickle.loads(pickle.dumps(found[2])).stack == found[2].stack


def test_an_error_that_belongs_to_no_task_says_so():
    def end(messenger):
        os.kill(os.getpid(), signal.SIGKILL)

    def fail(messenger):
        raise ValueError("bad")

    with coproc.WorkerResource(end) as worker:
        with pytest.raises(coproc.WorkerDiedError) as died:
            worker.messenger.receive_blocking()
    assert died.value.task is None
    with coproc.WorkerResource(fail, name="failing") as worker:
        with pytest.raises(ValueError) as caught:
            worker.messenger.receive_blocking()
        assert caught.value.__cause__.task is None and "task" not in str(caught.value.__cause__)
        assert (caught.value.__cause__.worker, caught.value.__cause__.pid) == ("failing", worker.pid)
