"""What goes wrong with one task of a pool, or comes from outside, costs the others nothing."""

import os
import signal
import threading
import time

import coproc
import pytest
from coproc import Pool
from tasks import bomb_on_two, die_on, double, fail_on, sleep, spin, square, wait_until


def unpicklable(x):
    return threading.Lock() if x == 2 else x


def test_errors_are_raised_in_the_place_of_their_results(pool):
    with pytest.raises(ValueError, match="bad 3") as caught:
        pool.map(fail_on({3, 5}), range(10))
    assert "in check" in str(caught.value.__cause__)
    results = pool.imap(fail_on({1}), range(3))
    assert next(results) == 0
    with pytest.raises(ValueError):
        next(results)
    assert list(results) == [2]
    assert pool.map(square, range(3)) == [0, 1, 4]


@pytest.mark.parametrize("task, error", [(unpicklable, TypeError), (bomb_on_two, LookupError)])
def test_a_result_that_cannot_travel_is_the_error_of_that_task_alone(pool, task, error):
    results = pool.imap(task, range(5), chunksize=5)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(error):
        next(results)
    assert list(results) == [3, 4]


def test_an_argument_that_cannot_travel_is_the_error_of_that_task_alone(pool):
    results = pool.imap(square, [1, threading.Lock(), 3], chunksize=3)
    assert next(results) == 1
    with pytest.raises(TypeError):
        next(results)
    assert list(results) == [9]


def test_a_death_takes_only_the_task_that_ran(pool):
    results = pool.imap(die_on(50), range(100), chunksize=20)
    assert [next(results) for _ in range(50)] == list(range(50))
    with pytest.raises(coproc.WorkerDiedError, match="task 50") as caught:
        next(results)
    assert caught.value.exit_status.signal == signal.SIGKILL
    assert list(results) == list(range(51, 100))
    assert sum(place.replaced for place in pool.insights()) == 1


def test_no_task_runs_twice(pool, tmp_path):
    def note(x):
        with open(tmp_path / str(x), "a") as file:
            file.write("ran\n")
        if x % 10 == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    results = pool.imap(note, range(40), chunksize=8)
    ended = []
    while True:
        try:
            ended.append(next(results))
        except coproc.WorkerDiedError:
            ended.append(None)
        except StopIteration:
            break
    assert ended == [None if x % 10 == 7 else x for x in range(40)]
    assert all((tmp_path / str(x)).read_text() == "ran\n" for x in range(40))


def test_a_task_is_tried_again_where_that_is_asked_for(pool, tmp_path):
    def die_once(x):
        marker = tmp_path / f"once{x}"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    assert pool.map(die_once, range(3), max_retries=1) == [0, 1, 2]
    with pytest.raises(coproc.WorkerDiedError):
        pool.map(die_on(1), range(3), max_retries=2)


def test_a_worker_that_dies_idle_is_replaced_and_costs_no_task(pool):
    pool.map(square, range(10))
    for pid in pool.pids():
        os.kill(pid, signal.SIGKILL)
    assert pool.map(square, range(100)) == [x * x for x in range(100)]


def test_stop_on_error_begins_no_further_task(pool):
    read = []

    def source():
        for i in range(100_000):
            read.append(i)
            yield i

    with pytest.raises(ValueError):
        pool.map(fail_on({0}), source(), stop_on_error=True)
    assert len(read) < 100_000


def test_an_init_that_fails_breaks_the_pool_and_the_next_call_tries_anew(tmp_path):
    def make():
        if not (tmp_path / "ready").exists():
            raise FileNotFoundError("not ready")

    pool = Pool(2, init=make)
    with pytest.raises(coproc.PoolBrokenError, match="not ready") as caught:
        pool.map(square, range(10))
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    (tmp_path / "ready").touch()
    assert pool.map(square, range(10)) == [x * x for x in range(10)]
    pool.stop()


def test_workers_that_die_at_once_break_the_pool():
    pool = Pool(2, init=lambda: os._exit(3))
    with pytest.raises(coproc.PoolBrokenError, match="code 3"):
        pool.map(square, range(10))
    wait_until(lambda: pool.pids() == [])


def test_ctrl_c_ends_the_wait_and_the_pool_goes_on(pool):
    alarm = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        alarm.start()
        pool.map(sleep, [0.5] * 10)
    alarm.join()
    assert pool.map(square, range(10)) == [x * x for x in range(10)]


def test_ctrl_c_at_any_moment_mixes_no_results_up(pool):
    is_mapping = False

    def on_interrupt(*_):
        nonlocal is_mapping
        if is_mapping:  # and not while the test is at something else
            is_mapping = False
            raise KeyboardInterrupt

    def interrupt():
        for _ in range(40):
            time.sleep(0.011)
            os.kill(os.getpid(), signal.SIGINT)

    usual_handler = signal.signal(signal.SIGINT, on_interrupt)
    thread = threading.Thread(target=interrupt)
    thread.start()
    interrupted = 0
    while thread.is_alive():
        try:
            is_mapping = True
            assert pool.map(square, range(3000)) == [x * x for x in range(3000)]
            is_mapping = False
        except KeyboardInterrupt:
            interrupted += 1
    thread.join()
    signal.signal(signal.SIGINT, usual_handler)
    assert interrupted > 5
    assert pool.map(square, range(1000)) == [x * x for x in range(1000)]


class Frozen(Exception):
    def __setattr__(self, name, value):
        raise AttributeError("frozen")


def raise_frozen(value):
    raise Frozen(value)


def test_an_exception_that_takes_no_attributes():
    with Pool(2) as pool:
        others = [pool.submit(double, i) for i in range(3)]
        with pytest.raises(Frozen) as error:
            pool.submit(raise_frozen, 1).result()
        assert "raise_frozen" in str(error.value.__cause__)
        assert [other.result() for other in others] == [0, 2, 4]


def boom(n):
    raise ValueError(n)


class Bad:
    """Cannot be unpickled."""

    def __reduce__(self):
        return boom, (2,)


def test_an_item_that_cannot_be_unpickled_fails_alone():
    with Pool(1) as pool:
        results = pool.imap(double, [0, 1, Bad(), 3, 4], chunksize=5)
        assert (next(results), next(results)) == (0, 2)
        with pytest.raises(ValueError, match="2"):
            next(results)
        assert list(results) == [6, 8]
        assert pool.insights()[0].replaced == 0


def test_a_read_that_was_interrupted_can_be_repeated():
    with Pool(1) as pool:
        results = pool.imap(spin, [0.5, 0.1, 0.1], chunksize=1)
        alarm = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            alarm.start()
            next(results)
        alarm.join()
        assert list(results) == [0.5, 0.1, 0.1]


def kill_oneself_with(code):
    os._exit(code)


@pytest.mark.parametrize("look", ["done", "wait", "result", "exception", "as_completed"])
def test_looks_notice_a_death(pool, look):
    task = pool.submit(kill_oneself_with, 7)

    def is_over():
        try:
            if look == "wait":
                return pool.wait(timeout=0)
            if look == "done":
                return task.done()
            if look == "as_completed":
                return next(coproc.as_completed([task], timeout=0)) is task
            return isinstance(getattr(task, look)(timeout=0), coproc.WorkerDiedError)
        except coproc.WorkerDiedError:
            return True
        except TimeoutError:
            return False

    while not is_over():
        time.sleep(0.01)
    with pytest.raises(coproc.WorkerDiedError, match="code 7"):
        task.result(timeout=0)


def test_a_map_that_raised_leaves_no_task_to_the_next_one(tmp_path):
    def task(x):
        if x == 0:
            raise ValueError("the first")
        time.sleep(0.002)
        (tmp_path / str(x)).touch()

    with Pool(1) as pool:
        with pytest.raises(ValueError):
            pool.map(task, range(1000), chunksize=500)
        begun = {path.name for path in tmp_path.iterdir()}
        assert pool.map(double, range(10)) == [2 * x for x in range(10)]
        assert len({path.name for path in tmp_path.iterdir()} - begun) < 300  # of 500 that its worker had


def test_tasks_of_a_map_that_is_left_are_not_begun_behind_those_of_another(tmp_path):
    def task(x):
        time.sleep(0.001)
        (tmp_path / str(x)).touch()
        return x

    with Pool(1) as pool:
        results = pool.imap(task, range(10_000), chunksize=1000)
        assert next(results) == 0
        results.close()
        assert pool.submit(double, 1).result() == 2
        assert len(list(tmp_path.iterdir())) < 1000


def test_what_has_not_ended_when_with_is_left_is_cancelled():
    with Pool(1) as pool:
        ended = pool.submit(double, 1)
        assert ended.result() == 2
        running, waiting = pool.submit(sleep, 60), pool.submit(double, 2)
        results = pool.imap(sleep, [60, 60], chunksize=1)
    assert ended.result() == 2
    for task in (running, waiting):
        with pytest.raises(coproc.TaskCancelledError):
            task.result()
    with pytest.raises(coproc.TaskCancelledError):
        next(results)
    with Pool(1) as pool:
        tasks = [pool.submit(double, x) for x in range(50)]
        pool.join()
    assert [task.result() for task in tasks] == [2 * x for x in range(50)]
