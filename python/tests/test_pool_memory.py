"""What a pool holds: nothing of what was dropped, and little of what may come again."""

import functools
import gc
import os
import signal
import sys
import threading
import time
import weakref

import coproc
import pytest
from coproc import Pool
from tasks import double, fail_on, sleep, square, wait_until


def private_bytes(pid):
    return next(int(line.split()[1]) << 10 for line in open(f"/proc/{pid}/status") if line.startswith("RssAnon"))


@pytest.mark.parametrize("fails", [False, True])
def test_a_task_is_freed_when_it_is_dropped(pool, no_collector, fails):
    task = pool.submit(fail_on({1} if fails else ()), 1)
    assert (task.exception() is not None) == fails
    if fails:
        with pytest.raises(ValueError):
            task.result()
    seen = weakref.ref(task)
    del task
    assert seen() is None


class Token:
    pass


@pytest.mark.parametrize("use", ["task", "failing task", "map", "failing map", "imap", "callback", "cancelled"])
def test_a_stopped_pool_is_freed_when_it_is_dropped(no_collector, descriptors, use):
    def run():
        with Pool(2) as pool:
            try:
                if use.endswith("task"):
                    pool.submit(fail_on({1} if use != "task" else ()), 1).result()
                elif use.endswith("map") and use != "imap":
                    pool.map(fail_on({1} if use != "map" else ()), range(5))
                elif use == "imap":
                    assert next(pool.imap(square, range(1000))) == 0
                elif use == "callback":
                    task = pool.submit(double, 1)
                    task.add_done_callback(lambda task: pool.pending())
                    task.result()
                else:
                    tasks = [pool.submit(sleep, 0.01) for _ in range(10)]
                    tasks[-1].cancel()
            except ValueError:
                pass
        return weakref.ref(pool)

    before = descriptors()
    assert run()() is None
    assert descriptors() == before


def test_a_pool_that_becomes_garbage_ends_its_workers_together_and_nobody_waits(no_collector):
    def leave_pool():
        pool = Pool(3, stop=coproc.StopOptions(close=30, terminate=30))
        pool.start()
        for _ in range(3):
            pool.submit(ignore_terminate)
        wait_until(lambda: pool.pending() and all(is_ignored(pid) for pid in pool.pids()))
        return pool.pids()

    began = threading.active_count()
    pids = leave_pool()  # the pool is gone, its workers are not: who drops it is not held up for a minute
    assert all(os.path.exists(f"/proc/{pid}") for pid in pids)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    assert threading.active_count() == began


def ignore_terminate():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def is_ignored(pid):
    masks = [int(line.split()[1], 16) for line in open(f"/proc/{pid}/status") if line.startswith("SigIgn")]
    return bool(masks[0] >> (signal.SIGTERM - 1) & 1)


def test_an_idle_pool_that_becomes_garbage_runs_the_exits_of_its_workers(tmp_path):
    pool = Pool(2, exit=lambda: (tmp_path / str(os.getpid())).touch())
    assert pool.map(double, [1]) == [2]
    workers, pids = pool.workers, pool.pids()
    del pool
    for worker in workers:
        worker.join()
    assert {path.name for path in tmp_path.iterdir()} == {str(pid) for pid in pids}


def test_garbage_in_a_cycle_does_not_wait_inside_of_the_collector():
    pool = Pool(1, stop=coproc.StopOptions(close=30, terminate=30))
    pool.submit(ignore_terminate)
    (pid,) = pool.pids()
    wait_until(lambda: pool.pending() and is_ignored(pid))
    pool.itself = pool
    seen = weakref.ref(pool)
    del pool
    gc.collect()
    assert seen() is None and os.path.exists(f"/proc/{pid}")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


def length(data, _):
    return len(data)


def test_functions_with_data_do_not_pile_up():
    size = 8 << 20
    with Pool(1) as pool:
        pid = pool.pids()[0]
        grown = []
        for _ in range(12):
            function = functools.partial(length, os.urandom(size))
            assert pool.map(function, range(2)) == [size] * 2
            assert pool.submit(function, 0).result() == size
            grown.append((private_bytes(os.getpid()), private_bytes(pid)))
        for first, last in zip(grown[3], grown[-1]):
            assert last - first < 3 * size  # of some 8 more


def test_an_idle_worker_holds_nothing_of_its_last_task(tmp_path):
    class Noted:
        """Its end in another process is noted."""

        def __init__(self, name):
            self.name = name
            self.pid = os.getpid()

        def __del__(self):
            if self.pid != os.getpid():
                (tmp_path / self.name).touch()

    def take(noted, fails=False):
        if fails:
            raise ValueError
        return None

    with Pool(1) as pool:
        pool.submit(take, Noted("argument")).result()
        wait_until((tmp_path / "argument").exists)
        pool.map(take, [Noted("item"), 1, 2])
        wait_until((tmp_path / "item").exists)
        assert pool.submit(take, Noted("failed"), True).exception() is not None
        wait_until((tmp_path / "failed").exists)
        pool.submit(Noted, "result").result()
        pool.submit(lambda name: Noted(name), "made").result()


def test_waiting_for_and_cancelling_tasks_takes_one_look_each(pool):
    """Steps are counted, not seconds."""
    hold = [pool.submit(sleep, 60) for _ in range(2)]
    looks = 0

    def count(*_):
        nonlocal looks
        looks += 1

    def steps(use):
        nonlocal looks
        looks = 0
        sys.setprofile(count)
        use()
        sys.setprofile(None)
        return looks

    def cancel(number):
        tasks = [pool.submit(double, i) for i in range(number)]
        return steps(lambda: [task.cancel() for task in tasks])

    few, many = cancel(500), cancel(4000)
    assert many < 16 * few
    assert all(not task.done() for task in hold)
    pool.terminate()

    def await_all(number):
        tasks = [pool.submit(double, i) for i in range(number)]
        return steps(lambda: list(coproc.as_completed(tasks)))

    few, many = await_all(500), await_all(4000)
    assert many < 16 * few
