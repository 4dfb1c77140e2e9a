"""A task that is cancelled is one for programs of concurrent.futures and of asyncio, too."""

import asyncio
import concurrent.futures
import time

import coproc
import pytest
from coproc import Executor, Pool
from tasks import square, wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


def mark_and_wait(path):
    path.touch()
    while True:
        time.sleep(1)


@pytest.fixture
def pool():
    with Pool(1, background=True) as made:
        yield made


def test_a_cancelled_task_raises_what_futures_raise(pool, tmp_path):
    running = pool.submit(mark_and_wait, tmp_path / "begun")
    wait_until((tmp_path / "begun").exists)
    for task in (pool.submit(square, 3), running):
        assert not task.cancelled()
        assert task.cancel() and task.cancelled()
        with pytest.raises(concurrent.futures.CancelledError) as caught:
            task.result()
        assert isinstance(caught.value, coproc.TaskCancelledError)


def test_a_task_whose_pool_is_stopped_is_cancelled(pool, tmp_path):
    ended = pool.submit(square, 3)
    assert ended.result() == 9
    running, waiting = pool.submit(mark_and_wait, tmp_path / "begun"), pool.submit(square, 3)
    wait_until((tmp_path / "begun").exists)
    pool.stop()
    for task in (running, waiting):
        assert task.cancelled()
        with pytest.raises(concurrent.futures.CancelledError):
            task.result()
    assert not ended.cancelled()


def raise_cancelled():
    raise coproc.TaskCancelledError("of a pool of the task")


def test_a_task_that_raises_this_itself_is_not_cancelled(pool):
    task = pool.submit(raise_cancelled)
    with pytest.raises(coproc.TaskCancelledError):
        task.result()
    assert not task.cancelled()


def test_await_raises_it_and_the_coroutine_is_not_cancelled(pool):
    async def be_told(task):
        try:
            await task
        except concurrent.futures.CancelledError as error:
            return error

    async def main():
        task = pool.submit(time.sleep, 3600)
        waiting = asyncio.ensure_future(be_told(task))
        await asyncio.sleep(0)
        task.cancel()
        assert isinstance(await waiting, coproc.TaskCancelledError)
        assert not isinstance(await waiting, asyncio.CancelledError)

    asyncio.run(main())


def test_futures_of_an_executor_are_cancelled_as_those_of_the_standard_library(pool, tmp_path):
    async def main(future):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wrap_future(future)

    executor = Executor(pool=pool)
    future = executor.submit(mark_and_wait, tmp_path / "begun")
    wait_until((tmp_path / "begun").exists)
    assert future.cancel()
    running, waiting = executor.submit(time.sleep, 3600), executor.submit(square, 3)
    pool.stop()
    for each in (future, running, waiting):
        with pytest.raises(concurrent.futures.CancelledError):
            each.result()
        assert each.cancelled()
        asyncio.run(main(each))
