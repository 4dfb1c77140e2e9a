"""Workers of a pool that hang, that make place, and that end too often: the words are those of supervised workers."""

import asyncio
import os
import threading
import time

import coproc
import pytest
from coproc import HealthOptions, Pool, PoolBrokenError, PoolRestartOptions, RecycleOptions, WorkerDiedError, _core
from tasks import die_on, square

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


def pid_of(_=None):
    return os.getpid()


def sleep_on(_=None):
    time.sleep(1000)


def beat_and_sleep():
    coproc.this_worker.beat("chunk 17")
    time.sleep(1000)


def sleep_once(path):
    """Hangs at its first call."""
    if not os.path.exists(path):
        open(path, "w").close()
        time.sleep(1000)
    return "done"


def test_a_task_that_runs_for_too_long_is_ended_with_its_worker(method):
    with Pool(2, method=method, health={"reply": 0.3}) as pool:
        hung = pool.submit(sleep_on)
        assert pool.map(square, range(100)) == [x * x for x in range(100)]
        with pytest.raises(WorkerDiedError, match="had been in hand for ") as caught:
            hung.result()
        why = caught.value.exit_status.hung
        assert why.why == "reply" and why.time >= 0.3
        assert caught.value.exit_status.stack
        assert pool.map(square, range(10)) == [x * x for x in range(10)]


def test_beats():
    with Pool(1, health=HealthOptions(beat=0.3, stack=False)) as pool:
        with pytest.raises(WorkerDiedError) as caught:
            pool.submit(beat_and_sleep).result()
        status = caught.value.exit_status
        assert (status.hung.why, status.hung.note, status.stack) == ("beat", "chunk 17", [])


def test_unread(tmp_path):
    with Pool(1, window=2, health={"unread": 0.3}) as pool:
        hung = pool.submit(sleep_once, str(tmp_path / "begun"))
        while not (tmp_path / "begun").exists():
            hung.done()
            time.sleep(0.001)
        behind = pool.submit(square, 3)
        with pytest.raises(WorkerDiedError) as caught:
            hung.result()
        assert caught.value.exit_status.hung.why == "unread"
        assert behind.result() == 9


def test_a_task_runs_again_after_a_hang(tmp_path):
    with Pool(1, health={"reply": 0.3}) as pool:
        task = pool.submit_with({"max_retries": 1}, sleep_once, str(tmp_path / "begun"))
        assert task.result() == "done"


def test_an_idle_worker_is_not_ended():
    with Pool(1, background=True, health={"reply": 0.2, "unread": 0.2, "beat": 0.2}) as pool:
        pid = pool.submit(pid_of).result()
        time.sleep(1)
        assert pool.submit(pid_of).result() == pid


def test_tasks_that_are_awaited():
    async def main(pool):
        with pytest.raises(WorkerDiedError) as caught:
            await pool.submit(sleep_on)
        assert caught.value.exit_status.hung.why == "reply"
        assert await pool.submit(square, 3) == 9

    with Pool(1, method="spawn", background=True, health={"reply": 0.3}) as pool:
        asyncio.run(main(pool))


def test_several_threads_use_a_pool_whose_workers_hang():
    with Pool(3, method="spawn", health={"reply": 0.3}) as pool:
        seen = []

        def use():
            for _ in range(2):
                hung = pool.submit(sleep_on)
                assert pool.submit(square, 3).result() == 9
                seen.append(hung.exception().exit_status.hung.why)

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == ["reply"] * 6


def test_workers_make_place_by_their_tasks_memory_and_age():
    with Pool(1, recycle=RecycleOptions(requests=3, spread=0)) as pool:
        assert len(set(pool.map(pid_of, range(9)))) == 3
    kept = []

    def grow(size):
        kept.append(b"x" * size)
        return os.getpid()

    with Pool(1, recycle={"memory": 500 << 20}) as pool:
        first = pool.submit(grow, 1).result()
        assert pool.submit(grow, 600 << 20).result() == first
        while pool.submit(grow, 1).result() == first:
            time.sleep(0.001)
    with Pool(1, background=True, recycle={"age": 0.2}) as pool:
        pool.submit(pid_of).result()
        while pool.insights()[0].starts < 3:
            time.sleep(0.01)


def test_too_many_ends_fail_what_waits_and_the_next_task_starts_workers_again():
    with Pool(1, restart={"most": 2}) as pool:
        for _ in range(2):
            for _ in range(2):
                with pytest.raises(WorkerDiedError):
                    pool.submit(die_on(1), 1).result()
            last, waiting = pool.submit(die_on(1), 1), pool.submit(square, 3)
            with pytest.raises(WorkerDiedError):
                last.result()
            with pytest.raises(PoolBrokenError, match="more than 2 of its workers have ended within 60"):
                waiting.result()
            assert pool.submit(square, 3).result() == 9


def test_the_options_have_the_values_of_the_core():
    options = PoolRestartOptions()
    assert {**vars(options), "backoff": vars(options.backoff)} == _core.pool_restart_defaults()


@pytest.mark.parametrize(
    "error, says, options",
    [
        (TypeError, "PoolRestartOptions", {"restart": "always"}),
        (TypeError, "when", {"restart": {"when": "always"}}),
        (TypeError, "PoolRestartOptions.most", {"restart": {"most": 1.5}}),
        (ValueError, "PoolRestartOptions.most", {"restart": {"most": -1}}),
        (ValueError, "`within` is longer than nothing", {"restart": {"within": 0}}),
        (TypeError, "PoolRestartOptions.backoff.first", {"restart": {"backoff": {"first": "soon"}}}),
        (ValueError, "PoolRestartOptions.backoff", {"restart": {"backoff": {"first": -1}}}),
        (TypeError, "HealthOptions", {"health": 30}),
        (ValueError, "`reply` is longer than 0, or None", {"health": {"reply": 0}}),
        (TypeError, "RecycleOptions", {"recycle": 100}),
        (ValueError, "RecycleOptions.memory", {"recycle": {"memory": -1}}),
        (ValueError, "RecycleOptions: `spread` is from 0 to 1", {"recycle": {"spread": 2}}),
    ],
)
def test_options_that_cannot_work_are_refused(error, says, options):
    with pytest.raises(error, match=says.replace(".", r"\.")) as told:
        Pool(1, **options)
    assert "::" not in str(told.value)


def test_a_backoff_of_which_some_is_given_has_the_rest_of_any_backoff():
    options = PoolRestartOptions(backoff={"first": 1})
    with Pool(1, restart=options) as pool:
        assert pool.submit(square, 2).result() == 4
    with Pool(1, restart={"backoff": None}) as pool:
        assert pool.submit(square, 2).result() == 4


def test_the_names_of_the_standard_library_say_the_same_as_recycle():
    for make, name in ((coproc.Executor, "max_tasks_per_child"), (coproc.MultiprocessingPool, "maxtasksperchild")):
        with pytest.raises(TypeError, match=f"{name} and recycle both say"):
            make(1, **{name: 3}, recycle={"requests": 3})
    with pytest.raises(ValueError, match="max_tasks_per_child: at least 1"):
        coproc.Executor(1, max_tasks_per_child=0)
