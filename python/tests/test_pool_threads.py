"""Any number of threads use one pool at once."""

import itertools
import os
import queue
import signal
import threading
import time
import traceback

import coproc
import pytest
from coproc import Pool
from tasks import add, die_on, double, fail_on, sleep, square

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


def in_threads(count, use):
    """What `use(number)` returned, or raised, in each of so many threads."""
    found = [None] * count

    def run(number):
        try:
            found[number] = use(number)
        except BaseException as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("count", [2, 3, 16])
def test_each_thread_gets_the_results_of_its_own_calls(count):
    def use(number):
        for i in range(20):
            assert pool.submit(add, number, i).result() == number + i
            assert pool.map(square, range(number, number + 50)) == [x * x for x in range(number, number + 50)]
            assert sorted(pool.map_unordered(double, range(7))) == [2 * x for x in range(7)]
        return "done"

    with Pool(2) as pool:
        assert in_threads(count, use) == ["done"] * count
        assert pool.pending() == 0


def test_a_pool_is_started_once_by_many_threads():
    pool = Pool(2)
    assert in_threads(8, lambda number: pool.submit(double, number).result()) == [2 * number for number in range(8)]
    assert not any(place.replaced for place in pool.insights())
    pool.stop()


def test_a_short_call_does_not_wait_for_the_long_one_of_another_thread(tmp_path):
    def until_answered(_):
        while not (tmp_path / "answer").exists():
            time.sleep(0.01)
        return "answered"

    def use(number):
        if number == 0:
            return pool.submit(until_answered, 0).result()
        try:
            return [pool.submit(double, i).result() for i in range(50)] + pool.map(double, range(50))
        finally:
            (tmp_path / "answer").touch()

    with Pool(2) as pool:
        assert in_threads(2, use) == ["answered", [2 * i for i in range(50)] * 2]


def test_an_input_is_read_by_the_thread_that_reads_the_results():
    def use(number):
        readers = set()

        def source():
            for i in range(2000):
                readers.add(threading.get_ident())
                yield i

        assert pool.map(square, source()) == [x * x for x in range(2000)]
        assert list(pool.imap(square, source(), chunksize=7)) == [x * x for x in range(2000)]
        return readers == {threading.get_ident()}

    with Pool(2) as pool:
        assert in_threads(3, use) == [True] * 3


def test_an_input_that_waits_for_another_thread_holds_nobody_up():
    items = queue.SimpleQueue()

    def use(number):
        if number == 0:
            return pool.map(double, iter(items.get, None), chunksize=1)
        found = []
        try:
            for i in range(20):
                found.append(pool.submit(double, i).result())
                items.put(i)
        finally:
            items.put(None)
        return found

    with Pool(2) as pool:
        assert in_threads(2, use) == [[2 * i for i in range(20)]] * 2


def test_maps_of_several_threads_are_served_in_turn():
    """None has to wait for the end of another, be that endless."""
    with Pool(2) as pool:
        is_over = threading.Event()

        def use(number):
            if number == 0:
                for _ in pool.imap(sleep, itertools.repeat(0.001)):
                    if is_over.is_set():
                        return "left"
            try:
                return [pool.map(double, range(20), chunksize=1) for _ in range(5)]
            finally:
                is_over.set()

        assert in_threads(2, use) == ["left", [[2 * x for x in range(20)]] * 5]


def test_errors_and_deaths_are_told_to_their_own_threads():
    def use(number):
        outcomes = []
        for i in range(10):
            task = pool.submit([die_on(i), fail_on({i}), double][number % 3], i)
            outcomes.append(type(task.exception()))
        return set(outcomes)

    with Pool(2) as pool:
        expected = [{coproc.WorkerDiedError}, {ValueError}, {type(None)}] * 2
        assert in_threads(6, use) == expected


def test_results_that_several_threads_read_go_to_one_of_them_each():
    with Pool(2) as pool:
        results = pool.imap(square, range(3000))
        parts = in_threads(4, lambda number: list(results))
        assert sorted(sum(parts, [])) == [x * x for x in range(3000)]


def test_one_task_may_be_awaited_by_many_threads():
    with Pool(1) as pool:
        task = pool.submit(sleep, 0.2)
        assert in_threads(5, lambda number: task.result()) == [0.2] * 5


def test_a_thread_may_stop_the_pool_in_which_others_wait():
    with Pool(2) as pool:
        tasks = [pool.submit(sleep, 60) for _ in range(4)]

        def use(number):
            if number == 4:
                while not all(place.pid and pool.pending() == 4 for place in pool.insights()):
                    time.sleep(0.01)
                pool.terminate()
                return None
            return tasks[number].exception()

        found = in_threads(5, use)
        assert [type(error) for error in found] == [coproc.TaskCancelledError] * 4 + [type(None)]
        assert pool.map(double, [1]) == [2]


def test_time_outs_of_a_thread_hold_while_another_one_drives():
    with Pool(1) as pool:
        slow = pool.submit(sleep, 0.5)

        def use(number):
            if number == 0:
                return slow.result()
            try:
                pool.submit(double, 1).result(timeout=0.05)
            except TimeoutError:
                return "timed out"

        assert in_threads(2, use) == [0.5, "timed out"]


def test_ctrl_c_in_one_thread_costs_the_others_nothing():
    with Pool(2) as pool:
        found = []
        other = threading.Thread(target=lambda: found.append(pool.map(sleep, [0.02] * 40, chunksize=1)))
        other.start()
        alarm = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            alarm.start()
            pool.submit(sleep, 60).result()
        alarm.join()
        other.join()
        assert found == [[0.02] * 40]
        pool.terminate()


def test_callbacks_run_once_whoever_waits():
    ended = queue.SimpleQueue()

    def use(number):
        for i in range(30):
            task = pool.submit(double, i)
            task.add_done_callback(ended.put)
            task.result()

    with Pool(2) as pool:
        in_threads(4, use)
        pool.wait()
    found = [ended.get_nowait() for _ in range(120)]
    assert ended.empty() and len({id(task) for task in found}) == 120


def test_a_pool_of_the_process_that_one_was_forked_from_is_refused():
    with Pool(1) as pool:
        with pytest.raises(coproc.NotOwnerError, match="forked"):
            coproc.LazyPool(1).map(lambda _: pool.map(abs, [1]), [0])
        assert pool.map(double, [1]) == [2]


def in_a_fork(do):
    """How a fork that calls this has ended: 0, or what a wait says."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            do()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def test_a_fork_that_drops_its_copy_of_a_map_leaves_the_map_alone(pool):
    """It has not the memory in which the workers are told what to pass over, and is not to tell them."""
    results = pool.imap(square, range(100), chunksize=10)
    assert next(results) == 0
    assert in_a_fork(results.close) == 0
    assert list(results) == [x * x for x in range(1, 100)]


def test_a_fork_can_do_nothing_with_a_pool_and_is_told_so(pool):
    task = pool.submit(square, 5)

    def try_all():
        for call in (
            pool.start,
            task.cancel,
            task.done,
            task.result,
            lambda: pool.submit(square, 1),
            lambda: pool.map(square, [1]),
            lambda: pool.imap(square, [1]),
            pool.pending,
            pool.insights,
            pool.wait,
        ):
            with pytest.raises(coproc.NotOwnerError, match="make another one here"):
                call()
        assert "of another process" in repr(task)
        assert f"of process {os.getppid()}" in repr(pool)
        pool.stop()

    assert in_a_fork(try_all) == 0
    assert task.result() == 25
