"""coproc.Executor is an executor of concurrent.futures: what programs for that interface rely on."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import threading
import time

import coproc
import pytest
from coproc import Executor, Pool
from tasks import add, double, fail_on, sleep, square, wait_until, words_printed_by

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


@pytest.fixture
def executor():
    with Executor(2) as made:
        yield made


def mark_and_wait(path):
    path.touch()
    while True:
        time.sleep(1)


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)
    return path.name


def kill_this_worker():
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(path):
    if not path.exists():
        path.touch()
        kill_this_worker()
    return "the second time"


def sleep_and_tell(seconds):
    time.sleep(seconds)
    return os.getpid()


def raise_it(error):
    raise error


def test_futures_are_those_of_the_standard_library(executor):
    assert isinstance(executor, concurrent.futures.Executor)
    assert executor._max_workers == 2  # libraries count the workers by this name
    future = executor.submit(add, 1, 2, more=3)
    assert isinstance(future, concurrent.futures.Future)
    assert (future.result(), future.exception(), future.done(), future.cancelled()) == (6, None, True, False)
    assert not future.cancel()
    called = []
    future.add_done_callback(called.append)
    assert called == [future]


def test_errors_keep_their_type(executor):
    with pytest.raises(ValueError, match="bad 7"):
        executor.submit(fail_on([7]), 7).result()
    assert isinstance(executor.submit(double).exception(), TypeError)
    assert isinstance(executor.submit(5).exception(), TypeError)
    assert executor.submit(add, threading.Lock()).exception() is not None
    assert executor.submit(threading.Lock).exception() is not None
    # The error of a task is not the end of this one.
    future = executor.submit(raise_it, coproc.TaskCancelledError("of a pool of the task"))
    assert isinstance(future.exception(), coproc.TaskCancelledError)
    assert not future.cancelled()


def test_wait_and_as_completed_take_its_futures(executor, tmp_path):
    slow = executor.submit(wait_for, tmp_path / "answer")
    fast = [executor.submit(square, x) for x in range(20)]
    done, pending = concurrent.futures.wait([slow, *fast], return_when=concurrent.futures.FIRST_COMPLETED)
    assert done and slow in pending
    in_order = concurrent.futures.as_completed([slow, *fast])
    found = [next(in_order).result() for _ in range(20)]
    assert sorted(found) == [x * x for x in range(20)]
    (tmp_path / "answer").touch()
    assert [future.result() for future in in_order] == ["answer"]


def test_results_that_nobody_reads_hold_nobody_up():
    link = coproc.LinkOptions(ring_bytes=1 << 16, max_queued_bytes=200_000)
    with Executor(2, link=link) as executor:
        futures = [executor.submit(bytes, 50_000) for _ in range(50)]
        concurrent.futures.wait(futures)
        assert all(future.result() == bytes(50_000) for future in futures)


def test_a_worker_that_dies_fails_its_task_alone(executor, tmp_path):
    dead = executor.submit(kill_this_worker)
    others = [executor.submit(square, x) for x in range(50)]
    assert isinstance(dead.exception(), coproc.WorkerDiedError)
    assert not isinstance(dead.exception(), concurrent.futures.BrokenExecutor)
    assert [future.result() for future in others] == [x * x for x in range(50)]
    with Executor(2, max_retries=1) as patient:
        assert patient.submit(die_once, tmp_path / "died").result() == "the second time"


def test_an_executor_is_broken_where_no_worker_gets_to_a_task():
    with Executor(1, initializer=raise_it, initargs=(ValueError("no state"),)) as executor:
        with pytest.raises(concurrent.futures.BrokenExecutor) as caught:
            executor.submit(square, 1).result()
        assert isinstance(caught.value, coproc.PoolBrokenError)


def test_a_time_limit_is_one_for_each_task():
    with Executor(1, time_limit=0.1) as executor:
        assert isinstance(executor.submit(time.sleep, 60).exception(), coproc.TaskTimeoutError)
        assert executor.submit(square, 3).result() == 9


def test_an_initializer_runs_once_in_each_worker_and_its_result_is_dropped():
    with Executor(1, initializer=os.putenv, initargs=("COPROC_TEST", "set"), max_tasks_per_child=2) as executor:
        assert executor.submit(subprocess.getoutput, "echo $COPROC_TEST").result() == "set"
        pids = [executor.submit(os.getpid).result() for _ in range(5)]
        assert len(set(pids)) == 3
    with Executor(1, initializer=square, initargs=(3,)) as executor:
        assert executor.submit(square, 5).result() == 25


def test_a_task_that_waits_is_cancelled(tmp_path):
    with Executor(1) as executor:
        running = executor.submit(wait_for, tmp_path / "answer")
        waiting = executor.submit(mark_and_wait, tmp_path / "begun")
        assert waiting.cancel() and waiting.cancelled() and waiting.cancel()
        assert concurrent.futures.wait([waiting]).done == {waiting}
        with pytest.raises(concurrent.futures.CancelledError):
            waiting.result()
        (tmp_path / "answer").touch()
        assert running.result() == "answer"
        assert executor.submit(square, 2).result() == 4
    assert not (tmp_path / "begun").exists()


def test_a_task_that_runs_is_cancelled_and_its_worker_replaced(executor, tmp_path):
    called = threading.Event()
    future = executor.submit(mark_and_wait, tmp_path / "begun")
    future.add_done_callback(lambda _: called.set())
    wait_until((tmp_path / "begun").exists)
    assert future.cancel() and future.cancelled()
    assert called.wait(60)
    assert list(executor.map(square, range(10))) == [x * x for x in range(10)]


def test_map_has_the_semantics_of_an_executor(executor):
    assert list(executor.map(add, range(10), range(100, 200))) == [100 + 2 * x for x in range(10)]
    assert list(executor.map(square, range(10), chunksize=3)) == [x * x for x in range(10)]
    assert list(executor.map(square, [])) == []
    found = executor.map(fail_on([2]), range(5))
    assert (next(found), next(found)) == (0, 1)
    with pytest.raises(ValueError, match="bad 2"):
        next(found)
    assert list(found) == []
    with pytest.raises(ValueError, match="chunksize"):
        executor.map(square, [1], chunksize=0)


def test_a_map_that_takes_too_long_raises_and_cancels_what_has_not_begun(tmp_path):
    with Executor(1) as executor:
        found = executor.map(wait_for, [tmp_path / str(x) for x in range(30)], timeout=0.05)
        with pytest.raises(TimeoutError):
            next(found)
        (tmp_path / "0").touch()  # nothing else is waited for when the block is left


def test_after_a_shutdown_nothing_is_taken(executor):
    future = executor.submit(sleep, 0.05)
    executor.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(square, 1)
    executor.shutdown()
    assert future.done() and future.result() == 0.05
    assert executor.pool.pids() == []


def test_a_shutdown_cancels_what_waits_and_lets_go_on_what_runs(tmp_path):
    executor = Executor(1)
    running = executor.submit(wait_for, tmp_path / "answer")
    wait_until(lambda: executor.pool.pids() and executor.pool.insights()[0].starts == 1)
    waiting = [executor.submit(mark_and_wait, tmp_path / "begun") for _ in range(20)]
    executor.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    (tmp_path / "answer").touch()
    executor.shutdown()
    assert running.cancelled() or running.result() == "answer"
    assert not (tmp_path / "begun").exists()


def test_a_running_task_survives_a_shutdown_that_cancels(tmp_path):
    def answer():
        (tmp_path / "begun").touch()
        return wait_for(tmp_path / "answer")

    executor = Executor(1)
    running = executor.submit(answer)
    wait_until((tmp_path / "begun").exists)
    executor.shutdown(wait=False, cancel_futures=True)
    (tmp_path / "answer").touch()
    assert running.result() == "answer"
    executor.shutdown()


def test_many_threads_use_one(executor):
    found = {}

    def use(number):
        found[number] = [executor.submit(add, number, i).result() for i in range(20)]
        found[number] += executor.map(double, range(20))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n + i for i in range(20)] + [2 * i for i in range(20)] for n in range(8)}


def test_asyncio_takes_it(executor, tmp_path):
    async def main():
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(executor, add, 1, 2) == 3
        assert await asyncio.wrap_future(executor.submit(square, 3)) == 9
        assert await asyncio.gather(*(loop.run_in_executor(executor, square, x) for x in range(100))) == [
            x * x for x in range(100)
        ]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.run_in_executor(executor, mark_and_wait, tmp_path / "begun"), 0.3)

    asyncio.run(main())
    assert executor.submit(square, 4).result() == 16


def test_it_uses_a_pool_that_it_is_given():
    with Pool(1, background=True) as pool:
        with Executor(pool=pool) as executor:
            assert executor.submit(square, 3).result() == 9
        assert pool.map(square, range(3)) == [0, 1, 4]
        left = Executor(pool=pool).submit(time.sleep, 60)
        pool.stop()
        assert concurrent.futures.wait([left]).done and left.cancelled()
    with pytest.raises(ValueError, match="background=True"):
        Executor(pool=Pool(1))
    with pytest.raises(TypeError, match="max_workers, pin"):
        Executor(2, pool=Pool(1, background=True), pin=True)
    with pytest.raises(ValueError, match="max_workers"):
        Executor(0)


def test_one_that_is_dropped_runs_what_it_has_and_ends_its_workers():
    for _ in range(5):
        future = Executor(1).submit(sleep_and_tell, 0.05)
        pid = future.result()
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


def test_the_end_of_a_program_waits_for_what_it_has_submitted():
    said = words_printed_by(
        """
        import coproc, os, time
        def say(word):
            time.sleep(0.3)
            os.write(1, word.encode() + b"\\n")
        coproc.Executor(1, method="fork").submit(say, "dropped").result()
        executor = coproc.Executor(1, method="fork")
        kept = [executor.submit(say, "kept") for _ in range(3)]
        other = coproc.Executor(1, method="fork")
        other.submit(say, "shut").add_done_callback(lambda _: os.write(1, b"called\\n"))
        other.shutdown(wait=False)
        """
    )
    assert sorted(said) == ["called", "dropped", "kept", "kept", "kept", "shut"]


def test_a_fork_of_the_program_does_not_wait_for_them():
    assert (
        words_printed_by(
            """
        import coproc, os, sys, time
        executor = coproc.Executor(1, method="fork")
        future = executor.submit(time.sleep, 0.5)
        child = os.fork()
        if child == 0:
            try:
                executor.submit(print)
            except coproc.NotOwnerError:
                print("refused")
            executor.shutdown()  # as the end of the program does
            sys.stdout.flush()
            os._exit(0)
        print(os.waitpid(child, 0)[1], future.result())
        """
        )
        == ["refused", "0", "None"]
    )


def test_a_context_says_the_start_method_as_for_a_process_pool_executor(method):
    context = multiprocessing.get_context(method)
    with Executor(1, context, os.putenv, ("COPROC_TEST", "set")) as executor:
        assert executor.submit(subprocess.getoutput, "echo $COPROC_TEST").result() == "set"
        assert executor.pool.workers[0].method == method
    with pytest.raises(TypeError, match="one of them"):
        Executor(1, mp_context=context, method=method)
    with pytest.raises(ValueError, match="max_workers must be greater than 0"):
        Executor(0)
