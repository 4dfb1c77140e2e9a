import functools
import itertools
import os
import random
import subprocess
import sys
import textwrap
import time

import coproc
import numpy as np
import pytest
from coproc import Pool
from tasks import add, die_on, double, fail_on, pid_of, sleep, square


def test_map_gives_the_results_in_order(method):
    with Pool(3, method=method) as pool:
        assert pool.map(square, range(1000)) == [x * x for x in range(1000)]
        assert pool.map(square, []) == []
        assert pool.map(square, (x for x in range(7)), chunksize=3) == [x * x for x in range(7)]
        assert pool.starmap(add, [(1, 2), (3, 4, 5)]) == [3, 12]
        assert len(pool) == 3 and len(pool.pids()) == 3 and pool.is_alive()
    assert pool.pids() == []


def test_closures_and_large_things(pool):
    factor = 3
    assert pool.map(lambda x: x * factor, range(5)) == [0, 3, 6, 9, 12]
    arrays = pool.map(lambda a: a + 1, [np.zeros(100_000), np.ones(200_000)])
    assert [a.sum() for a in arrays] == [100_000, 400_000]


def test_unordered_results_come_as_they_end(pool):
    assert sorted(pool.map_unordered(square, range(100))) == [x * x for x in range(100)]
    assert next(pool.map_unordered(sleep, [60, 0.0], chunksize=1)) == 0.0
    pool.terminate()


def test_an_endless_input_is_read_only_as_far_as_needed(pool):
    read = []

    def source():
        for i in itertools.count():
            read.append(i)
            yield i

    results = pool.imap(square, source())
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    results.close()
    assert len(read) < 300_000
    assert pool.map(square, [7]) == [49]


def test_an_input_that_fails_is_raised_behind_what_came_before_it(pool):
    def source():
        yield 1
        yield 2
        raise LookupError("in the input")

    results = pool.imap(square, source())
    assert [next(results), next(results)] == [1, 4]
    with pytest.raises(LookupError):
        next(results)
    with pytest.raises(LookupError):
        pool.map(square, source())
    assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]


def test_maps_may_be_read_in_turn(pool):
    first, second = pool.imap(square, range(1000)), pool.imap(str, range(1000))
    assert [(next(first), next(second)) for _ in range(5)] == [(i * i, str(i)) for i in range(5)]
    first.close()
    assert list(second) == [str(i) for i in range(5, 1000)]


def test_a_map_whose_pool_is_stopped_is_not_just_shorter(pool):
    results = pool.imap(sleep, [0.0] * 3 + [60] * 4, chunksize=1)
    assert next(results) == 0.0
    pool.terminate()
    with pytest.raises(coproc.TaskCancelledError):
        for _ in range(20):
            next(results)


def test_few_tasks_go_to_different_workers():
    with Pool(4) as pool:
        pool.map(square, range(100))
        assert len(set(pool.map(lambda _: (time.sleep(0.05), os.getpid())[1], range(4), chunksize=1))) == 4
        assert len(set(pool.map(lambda _: (time.sleep(0.05), os.getpid())[1], range(4)))) > 1


def test_submitted_calls(pool):
    tasks = [pool.submit(add, i, more=10) for i in range(20)]
    assert [task.result() for task in tasks] == [i + 10 for i in range(20)]
    failing = pool.submit(fail_on({1}), 1)
    with pytest.raises(ValueError):
        failing.result()
    assert isinstance(failing.exception(), ValueError) and failing.done()
    dying = pool.submit(die_on(1), 1)
    with pytest.raises(coproc.WorkerDiedError):
        dying.result()
    slow = [pool.submit(sleep, 0.2) for _ in range(2)]
    with pytest.raises(TimeoutError):
        slow[0].result(timeout=0)
    late = [pool.submit(square, 3) for _ in range(5)]
    assert late[-1].cancel() and late[-1].cancelled()
    with pytest.raises(coproc.TaskCancelledError):
        late[-1].result()
    ended = []
    late[0].add_done_callback(ended.append)
    assert [task.result() for task in coproc.as_completed(late[:2])] == [9, 9]
    assert ended == [late[0]]
    assert pool.wait() and pool.pending() == 0
    assert not late[0].cancel()
    limited = pool.submit_with({"time_limit": 0.1}, sleep, 60)
    with pytest.raises(coproc.TaskTimeoutError):
        limited.result()


def test_stopping_cancels_what_has_not_ended():
    pool = Pool(1)
    slow = pool.submit(sleep, 60)
    waiting = pool.submit(square, 2)
    pool.stop()
    for task in (slow, waiting):
        with pytest.raises(coproc.TaskCancelledError):
            task.result()
    assert pool.map(square, [3]) == [9]  # it starts anew
    pool.stop()


def test_state_of_workers(tmp_path):
    def make(text):
        return [text]

    def leave(state):
        (tmp_path / f"{os.getpid()}").write_text(f"{state}")

    with Pool(2, init=make, init_args=("made",), exit=leave) as pool:
        assert pool.map(lambda state, x: (state.append(x), state[0])[1], range(4)) == ["made"] * 4
        pids = pool.pids()
    assert all("made" in (tmp_path / str(pid)).read_text() for pid in pids)


def test_workers_are_replaced_after_so_many_tasks():
    with Pool(1, recycle={"requests": 10, "spread": 0}) as pool:
        pids = pool.map(pid_of, range(35))
        assert [len(list(group)) for _, group in itertools.groupby(pids)] == [10, 10, 10, 5]
        assert len(set(pids)) == 4


def test_old_names():
    pool = Pool(2, verbose=True, messenger_type=coproc.PriorityMessenger)
    pool.start()
    assert all(worker.is_alive() for worker in pool)

    class Urgent:
        priority = -1

    results = pool.map(lambda x: Urgent() if x % 3 == 0 else x, range(10))
    assert [isinstance(result, Urgent) for result in results] == [x % 3 == 0 for x in range(10)]
    pool.join()
    pool.start()
    pool.terminate()
    assert not pool.is_alive()
    with pytest.raises(ValueError):
        Pool(0)
    with pytest.raises(ValueError):
        Pool(1).map(square, [1], chunksize=0)


def test_many_functions(pool):
    for i in range(600):
        assert pool.submit(lambda x, i=i: x + i, 1).result() == 1 + i


def test_progress(pool):
    told = []
    pool.map(sleep, [0.05] * 10, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (10, 10) and told == sorted(told)
    pool.map(square, range(10), progress=True)  # stderr is no terminal here


def test_the_end_of_the_program_ends_the_workers():
    script = """
        import coproc
        pool = coproc.Pool(2)
        print(pool.map(abs, [-1]), *pool.pids())
        task = pool.submit(input)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    pids = done.stdout.split()[1:]
    assert len(pids) == 2 and not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_more_functions_than_workers_keep():
    with Pool(2) as pool:
        tasks = [pool.submit(functools.partial(first_of, i), 0) for i in range(700)]
        assert [task.result() for task in tasks] == list(range(700))
        assert pool.map(functools.partial(first_of, 999), range(50), chunksize=1) == [999] * 50


def first_of(i, x):
    return i


def test_callbacks_may_use_the_pool_and_may_fail(caplog):
    with Pool(2) as pool:
        later = []
        task = pool.submit(double, 100)
        task.add_done_callback(lambda task: later.append(pool.submit(double, 1)))
        task.add_done_callback(lambda task: 1 / 0)
        others = [pool.submit(double, i) for i in range(20)]
        assert task.result() == 200
        assert [other.result() for other in others] == [2 * i for i in range(20)]
        assert [task.result() for task in later] == [2]
    assert "ZeroDivisionError" in caplog.text


def test_an_input_may_wait_for_results_of_the_same_pool():
    with Pool(2) as pool:

        def source():
            yield 1
            yield pool.submit(double, 2).result()
            yield from pool.map(double, [3, 4])

        results = pool.imap(double, source(), chunksize=1)
        assert list(results) == [2, 8, 12, 16]


def test_a_map_that_is_dropped_or_only_paused_holds_nobody_up():
    with Pool(2) as pool:
        dropped = pool.imap(sleep_a_little, itertools.count())
        dropped.close()
        assert pool.map(double, [1, 2]) == [2, 4]
        assert list(dropped) == []
        pool.imap(sleep_a_little, itertools.count())
        paused = pool.imap(sleep_a_little, itertools.count())
        next(paused)
        assert pool.map(double, [1, 2]) == [2, 4]
        assert next(paused) == 1


def sleep_a_little(value):
    time.sleep(0.005)
    return value


@pytest.mark.parametrize(
    "use",
    [
        lambda pool: Pool(1, window=-1),
        lambda pool: pool.map(double, [1], chunksize=1.5),
        lambda pool: pool.map(double, [1], max_retries="3"),
        lambda pool: pool.map(double, [1], max_retries=-1),
        lambda pool: pool.map(double, [1], time_limit=float("inf")),
        lambda pool: pool.map(double, [1], time_limit=float("nan")),
    ],
)
def test_options_are_checked_at_the_door(use):
    with Pool(1) as pool:
        with pytest.raises((ValueError, TypeError), match="window|max_retries|time_limit|chunksize"):
            use(pool)
        assert pool.map(double, [1]) == [2]


def test_workers_draw_different_random_numbers(method):
    with Pool(3, method=method) as pool:
        pool.map(double, range(10))
        drawn = {}
        while len(drawn) < 3:
            drawn.update(pool.map(draw, range(3), chunksize=1))
        assert len({numbers[0] for numbers in drawn.values()}) == len({numbers[1] for numbers in drawn.values()}) == 3


def draw(_):
    time.sleep(0.01)
    return os.getpid(), (random.random(), np.random.random())


def test_an_exit_that_raises_is_told_by_its_worker_and_an_init_by_the_pool(capfd):
    with Pool(2, exit=lambda: 1 / 0) as pool:
        assert pool.map(double, range(3)) == [0, 2, 4]
    assert capfd.readouterr().err.count("ZeroDivisionError") == 2
    with Pool(1, exit=lambda: 1 / 0, recycle={"requests": 1}) as pool:
        assert pool.map(double, range(3)) == [0, 2, 4]
    assert capfd.readouterr().err.count("ZeroDivisionError") >= 3  # of those that were replaced, too
    with Pool(3, init=lambda: 1 / 0) as pool:
        with pytest.raises(coproc.PoolBrokenError, match="ZeroDivisionError"):
            pool.map(double, range(3))
    del pool
    assert capfd.readouterr().err == ""


def test_tasks_of_several_pools_come_in_the_order_in_which_they_end():
    """One pool's end was seen when the other pool's had come."""
    with Pool(1) as first, Pool(1) as second:
        slow, quick = first.submit(sleep, 1.0), second.submit(sleep, 0.1)
        began = time.monotonic()
        ended = coproc.as_completed([slow, quick])
        assert next(ended) is quick
        assert time.monotonic() - began < 0.8
        assert list(ended) == [slow]
        with pytest.raises(TimeoutError):
            list(coproc.as_completed([first.submit(sleep, 1.0), second.submit(sleep, 1.0)], timeout=0.1))
