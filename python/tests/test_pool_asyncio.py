"""Tasks of a pool are awaited: a pool for programs of asyncio."""

import asyncio
import gc
import pathlib
import re
import subprocess
import sys
import threading
import time
import weakref

import coproc
import pytest
from coproc import Pool
from tasks import add, die_on, fail_on, sleep, square, wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")

SERVER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python" / "server.py"


@pytest.fixture
def pool():
    with Pool(2, background=True) as made:
        yield made


def mark_and_wait(path):
    path.touch()
    while True:
        time.sleep(1)


async def until(is_reached):
    while not is_reached():
        await asyncio.sleep(0.01)


def test_a_task_is_awaited(pool):
    async def main():
        assert await pool.submit(add, 1, 2, more=3) == 6
        assert await asyncio.gather(*(pool.submit(square, x) for x in range(200))) == [x * x for x in range(200)]
        ended = pool.submit(square, 3)
        ended.result()
        assert [await ended, await ended] == [9, 9]

    before = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() == before


def test_the_loop_goes_on_meanwhile(pool, tmp_path):
    def wait_for_answer():
        while not (tmp_path / "answer").exists():
            time.sleep(0.01)
        return "answered"

    async def main():
        first = asyncio.ensure_future(pool.submit(wait_for_answer))
        second = pool.submit(square, 4)
        assert await second == 16
        assert not first.done()
        (tmp_path / "answer").touch()
        assert await first == "answered"

    asyncio.run(main())


def test_errors_are_raised_by_await(pool):
    async def main():
        with pytest.raises(ValueError, match="bad 7"):
            await pool.submit(fail_on([7]), 7)
        with pytest.raises(coproc.WorkerDiedError):
            await pool.submit(die_on(1), 1)
        with pytest.raises(coproc.TaskTimeoutError):
            await pool.submit_with({"time_limit": 0.1}, time.sleep, 60)
        taken_back = pool.submit(time.sleep, 60)
        waiting = asyncio.ensure_future(taken_back)
        await asyncio.sleep(0)
        taken_back.cancel()
        with pytest.raises(coproc.TaskCancelledError):
            await waiting
        left = asyncio.ensure_future(pool.submit(time.sleep, 60))
        await asyncio.sleep(0)
        await asyncio.to_thread(pool.stop)
        with pytest.raises(coproc.TaskCancelledError):
            await left

    asyncio.run(main())


def test_a_coroutine_that_is_cancelled_cancels_its_task(pool, tmp_path):
    async def main():
        task = pool.submit(mark_and_wait, tmp_path / "begun")
        waiting = asyncio.ensure_future(task)
        await asyncio.sleep(0)  # a coroutine that was cancelled before its first step does not run at all
        await until((tmp_path / "begun").exists)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert task.cancelled()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.submit(time.sleep, 3600), 0.1)
        assert await pool.submit(square, 5) == 25

    asyncio.run(main())
    assert pool.wait()


def test_several_coroutines_wait_for_one_task_and_one_is_shielded(pool):
    async def main():
        task = pool.submit(sleep, 0.2)
        shielded = asyncio.shield(task)
        waiting = [asyncio.ensure_future(task) for _ in range(3)]
        shielded.cancel()
        assert await asyncio.gather(*waiting) == [0.2] * 3

    asyncio.run(main())


def test_unread_results_of_other_tasks_hold_nobody_up():
    async def main():
        tasks = [pool.submit(bytes, 50_000) for _ in range(50)]
        for task in reversed(tasks):
            assert await task == bytes(50_000)

    link = coproc.LinkOptions(ring_bytes=1 << 16, max_queued_bytes=200_000)
    with Pool(2, background=True, link=link) as pool:
        asyncio.run(main())


def test_a_loop_that_was_closed_is_not_told(pool, caplog):
    async def main():
        asyncio.ensure_future(task)
        await asyncio.sleep(0)
        asyncio.get_running_loop().stop()

    task = pool.submit(sleep, 0.2)
    loop = asyncio.new_event_loop()
    loop.create_task(main())
    loop.run_forever()
    loop.close()
    is_behind = threading.Event()
    task.add_done_callback(lambda _: is_behind.set())
    assert is_behind.wait(60)
    assert "callback" not in caplog.text


def test_tasks_that_were_awaited_are_freed(pool):
    async def main():
        task = pool.submit(square, 3)
        assert await task == 9
        return weakref.ref(task)

    found = asyncio.run(main())
    gc.collect()
    wait_until(lambda: found() is None)


def test_a_pool_without_a_thread_refuses():
    async def main():
        task = pool.submit(sleep, 0.1)
        with pytest.raises(RuntimeError, match=r"Pool\(background=True\)"):
            await task
        task.result()
        assert await task == 0.1

    with Pool(1) as pool:
        asyncio.run(main())


def test_a_server_loses_no_request_while_its_workers_are_killed():
    done = subprocess.run([sys.executable, SERVER, "4"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    numbers = [int(text) for text in re.findall(r"\d+", done.stdout)]
    sent, right, killed, workers = numbers
    assert sent == right > 0
    assert killed > 0
    assert workers > 2
