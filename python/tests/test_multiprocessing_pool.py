"""coproc.MultiprocessingPool is a multiprocessing.pool.Pool: what programs for that one rely on, and what it adds."""

import inspect
import itertools
import multiprocessing
import multiprocessing.pool
import os
import pickle
import queue
import signal
import subprocess
import threading
import time

import coproc
import pytest
from coproc import MultiprocessingPool
from coproc.pool import multiprocessing_pool
from tasks import add, die_on, double, fail_on, pid_of, read, sleep, square, wait_until, words_printed_by

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


@pytest.fixture(params=[MultiprocessingPool, multiprocessing.Pool])
def either(request):
    """A pool of ours, and one of the standard library: what is the same in both."""
    with request.param(2) as made:
        yield made


@pytest.fixture
def pool():
    with MultiprocessingPool(2) as made:
        yield made


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)
    return path.name


def mark(directory, number):
    (directory / str(number)).touch()


def bad_on_two(x):
    if x == 2:
        raise ValueError("bad 2")
    return x


def raise_it(error):
    raise error


# ---- as in multiprocessing ----


def test_it_is_one(either):
    assert isinstance(either, multiprocessing.pool.Pool)
    assert len(either._pool) == either._processes == 2  # libraries read these
    with pytest.raises(NotImplementedError, match="between processes"):
        pickle.dumps(either)


def test_parameters_are_those_of_the_standard_library():
    def parameters_of(kind, name):
        return [(p.name, p.default) for p in inspect.signature(getattr(kind, name)).parameters.values()]

    methods = [name for name, thing in vars(multiprocessing.pool.Pool).items() if inspect.isfunction(thing)]
    methods = ["__init__", *(name for name in methods if not name.startswith("_"))]
    assert {"apply_async", "imap_unordered", "starmap_async", "terminate"} <= set(methods)
    for name in methods:
        there = parameters_of(multiprocessing.pool.Pool, name)
        assert parameters_of(MultiprocessingPool, name)[: len(there)] == there, name


def test_calls_have_their_results(either):
    assert either.apply(add, (1, 2), {"more": 3}) == 6
    assert either.apply(add) == 0
    assert either.map(square, range(50)) == [x * x for x in range(50)]
    assert either.map(square, iter(range(50)), chunksize=7) == [x * x for x in range(50)]
    assert either.map(square, []) == []
    assert either.starmap(add, [(1, 2), (3,), ()]) == [3, 3, 0]
    assert list(either.imap(square, iter(range(50)))) == [x * x for x in range(50)]
    assert list(either.imap(square, range(50), 7)) == [x * x for x in range(50)]
    assert sorted(either.imap_unordered(square, range(50))) == [x * x for x in range(50)]
    assert sorted(either.imap_unordered(square, range(50), chunksize=7)) == [x * x for x in range(50)]


def test_later_results(either):
    result = either.apply_async(add, [1, 2], {"more": 3})
    assert isinstance(result, multiprocessing.pool.AsyncResult)
    assert (result.get(60), result.ready(), result.successful()) == (6, True, True)
    assert either.map_async(square, iter(range(9))).get() == [x * x for x in range(9)]
    assert either.starmap_async(add, [(1, 2), (3,)]).get() == [3, 3]
    failed = either.map_async(bad_on_two, range(4), chunksize=1)
    failed.wait()
    assert not failed.successful()
    for _ in range(2):
        with pytest.raises(ValueError, match="bad 2"):
            failed.get()


def test_one_that_is_not_there_yet(either, tmp_path):
    result = either.apply_async(wait_for, (tmp_path / "answer",))
    result.wait(0.01)
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    with pytest.raises(multiprocessing.TimeoutError):
        result.get(timeout=0.01)
    results = either.imap(wait_for, [tmp_path / "answer"])
    with pytest.raises(multiprocessing.TimeoutError):
        results.next(timeout=0.01)
    (tmp_path / "answer").touch()
    assert result.get() == results.next() == "answer"
    for _ in range(2):
        with pytest.raises(StopIteration):
            results.next(timeout=60)


def test_callbacks_have_been_called_when_the_result_is_there(either):
    found = []
    calls = {"callback": found.append, "error_callback": lambda error: found.append(type(error))}
    either.apply_async(square, (3,), **calls).get()
    either.map_async(square, range(3), None, **calls).wait()
    either.starmap_async(add, [(1, 2)], **calls).wait()
    either.apply_async(bad_on_two, (2,), **calls).wait()
    either.map_async(bad_on_two, range(4), **calls).wait()
    assert found == [9, [0, 1, 4], [3], ValueError, ValueError]


def test_a_callback_may_hand_over_tasks(either):
    found = queue.Queue()
    either.apply_async(square, (3,), callback=lambda x: either.apply_async(square, (x,), callback=found.put))
    assert found.get() == 81


@pytest.mark.parametrize("call", ["apply_async", "map_async"])
def test_a_callback_may_terminate(either, call):
    called = threading.Event()

    def end(_):
        either.terminate()
        called.set()

    getattr(either, call)(bad_on_two, [2], error_callback=end)
    called.wait()
    either.join()
    assert multiprocessing.active_children() == []


def test_errors_are_raised_in_their_places(either):
    with pytest.raises(ValueError, match="bad 2"):
        either.apply(bad_on_two, (2,))
    with pytest.raises(ValueError, match="bad 2"):
        either.map(bad_on_two, range(4))
    found = read(either.imap(bad_on_two, range(5)))
    assert [found[i] for i in (0, 1, 3, 4)] == [0, 1, 3, 4] and isinstance(found[2], ValueError)
    with pytest.raises(TypeError):
        either.apply_async(5).get()
    with pytest.raises((TypeError, pickle.PicklingError)):
        either.apply_async(add, (threading.Lock(),)).get()
    with pytest.raises(ValueError):
        either.imap(square, [1], chunksize=0)


def test_a_map_that_fails_has_run_all_its_tasks(either, tmp_path):
    calls = [(tmp_path, "not/there"), *((tmp_path, number) for number in range(300))]
    with pytest.raises(FileNotFoundError):
        either.starmap(mark, calls, chunksize=1)
    assert len(list(tmp_path.iterdir())) == 300


def test_an_input_that_raises(either):
    def source():
        yield from range(3)
        raise LookupError("no more")

    for call in (either.map, either.map_async):
        with pytest.raises(LookupError, match="no more"):
            call(square, source())
    found = read(either.imap(square, source()))
    assert found[:3] == [0, 1, 4] and isinstance(found[3], LookupError)


def test_after_close_what_was_handed_over_is_run(either, tmp_path):
    results = either.imap_unordered(square, iter(range(2000)))
    for number in range(20):
        either.apply_async(mark, (tmp_path, number))
    later = either.map_async(square, range(100))
    dropped = either.starmap_async(mark, [(tmp_path, number) for number in range(20, 40)])
    del dropped
    either.imap(sleep, [0.01] * 5)
    with pytest.raises(ValueError, match="still running"):
        either.join()
    either.close()
    for call in (either.apply, either.apply_async):
        with pytest.raises(ValueError, match="not running"):
            call(square, (1,))
    for call in (
        either.map,
        either.map_async,
        either.starmap,
        either.starmap_async,
        either.imap,
        either.imap_unordered,
    ):
        with pytest.raises(ValueError, match="not running"):
            call(square, [(1,)])
    either.join()
    either.join()
    assert len(list(tmp_path.iterdir())) == 40
    assert later.ready() and sorted(results) == [x * x for x in range(2000)]
    with pytest.raises(ValueError, match="not running"):
        either.__enter__()


@pytest.mark.parametrize("kind", [MultiprocessingPool, multiprocessing.Pool])
def test_options(kind):
    with kind(1, os.putenv, ("COPROC_TEST", "set"), maxtasksperchild=2) as pool:
        assert pool.apply(subprocess.getoutput, ("echo $COPROC_TEST",)) == "set"
        assert len({pool.apply(os.getpid) for _ in range(5)}) == 3
    for wrong in ({"processes": 0}, {"maxtasksperchild": 0}, {"maxtasksperchild": "2"}):
        with pytest.raises(ValueError, match=next(iter(wrong))[:9]):
            kind(**{"processes": 1, **wrong})
    with pytest.raises(TypeError, match="initializer"):
        kind(1, initializer=5)


def test_a_context_says_the_start_method(method):
    with MultiprocessingPool(1, context=multiprocessing.get_context(method)) as pool:
        assert pool.map(square, range(3)) == [0, 1, 4]
        assert pool._pool.workers[0].method == method
    with pytest.raises(TypeError, match="method"):
        MultiprocessingPool(1, context=multiprocessing.get_context(method), method=method)


# ---- what is different ----


def test_a_worker_that_dies_fails_its_task_alone(pool):
    with pytest.raises(coproc.WorkerDiedError):
        pool.apply(die_on(1), (1,))
    with pytest.raises(coproc.WorkerDiedError):
        pool.map(die_on(50), range(100))
    found = read(pool.imap(die_on(50), range(100)))
    assert isinstance(found.pop(50), coproc.WorkerDiedError)
    assert found == [x for x in range(100) if x != 50]


def test_tasks_can_be_limited_and_run_again(tmp_path):
    def die_once(x):
        if not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with MultiprocessingPool(1, time_limit=0.3, max_retries=1) as pool:
        assert pool.map(die_once, range(3)) == [0, 1, 2]
        (tmp_path / "died").unlink()
        assert pool.apply(die_once, (5,)) == 5
        for call in (lambda: pool.apply(sleep, (60,)), pool.imap(sleep, [60]).next):
            with pytest.raises(coproc.TaskTimeoutError):
                call()


def test_each_task_of_a_chunk_fails_by_itself(pool):
    found = read(pool.imap(fail_on([3]), range(10), chunksize=5))
    assert isinstance(found.pop(3), ValueError) and found == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_the_first_error_of_the_input_is_raised(pool, tmp_path):
    def fail(x):
        if x == 0:
            wait_for(tmp_path / "later")
        else:
            (tmp_path / "later").touch()
        raise ValueError(f"bad {x}")

    with pytest.raises(ValueError, match="bad 0"):
        pool.map(fail, range(2), chunksize=1)


def test_nobody_waits_for_ever_after_terminate(pool, tmp_path):
    never = tmp_path / "never"
    waiting = [pool.apply_async(wait_for, (never,)) for _ in range(10)]
    waiting.append(pool.map_async(wait_for, [never] * 10))
    results = pool.imap(wait_for, itertools.repeat(never))
    pool.terminate()
    for result in waiting:
        with pytest.raises(coproc.TaskCancelledError):
            result.get()
    found = read(results)
    assert all(isinstance(error, (coproc.TaskCancelledError, ValueError)) for error in found) and found
    pool.join()
    assert pool._pool.pids() == []


def test_a_thread_that_comes_late_does_not_start_it_again(pool, monkeypatch):
    late = []
    monkeypatch.setattr(multiprocessing_pool, "_run_in_thread", lambda function, *args: late.append((function, args)))
    results, later = pool.imap(square, range(3)), pool.map_async(square, range(3))
    pool.terminate()
    for function, args in late:
        function(*args)
    assert pool._pool.pids() == []
    for call in (results.next, later.get):
        with pytest.raises(ValueError, match="not running"):
            call()
    assert list(results) == []


def test_an_initializer_that_raises_breaks_it():
    with MultiprocessingPool(1, raise_it, (ValueError("no state"),)) as pool:
        with pytest.raises(coproc.PoolBrokenError):
            pool.map(square, range(3))


def test_a_callback_that_raises_is_logged(pool, caplog):
    assert pool.apply_async(square, (3,), callback=raise_it).get() == 9
    assert pool.map_async(square, [3], callback=raise_it).get() == [9]
    wait_until(lambda: len(caplog.records) == 2)
    assert pool.apply(square, (4,)) == 16


def test_many_threads_use_one(pool):
    found = {}

    def use(number):
        found[number] = [pool.apply(add, (number, i)) for i in range(20)]
        found[number] += pool.map(double, range(20))
        found[number] += pool.imap(double, range(20))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n + i for i in range(20)] + [2 * i for i in range(20)] * 2 for n in range(8)}


def test_one_that_is_dropped_runs_what_it_has_and_ends_its_workers():
    results = MultiprocessingPool(1).imap(pid_of, range(3))
    later = MultiprocessingPool(1).apply_async(pid_of, (0,))
    pids = {*results, later.get()}
    assert len(pids) == 2
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_the_end_of_a_program_does_not_wait_for_tasks():
    said = words_printed_by(
        """
        import coproc, itertools, time
        pool = coproc.MultiprocessingPool(2, method="fork")
        results = pool.imap(time.sleep, itertools.repeat(0.001))
        later = pool.apply_async(time.sleep, (1000,))
        next(results)
        print("end")
        """
    )
    assert said == ["end"]


def test_a_fork_of_the_program_is_refused():
    said = words_printed_by(
        """
        import coproc, os, sys, time
        pool = coproc.MultiprocessingPool(1, method="fork")
        later = pool.apply_async(time.sleep, (0.5,))
        child = os.fork()
        if child == 0:
            for call in (pool.apply_async, pool.imap):
                try:
                    call(print, ())
                except coproc.NotOwnerError:
                    print("refused")
            pool.terminate()
            pool.join()
            sys.stdout.flush()
            os._exit(0)
        print(os.waitpid(child, 0)[1], later.get(), pool.apply(int, ("5",)))
        """
    )
    assert said == ["refused", "refused", "0", "None", "5"]
