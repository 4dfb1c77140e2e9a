"""LazyPool, WorkerResourcePool, and the legacy names."""

import os
import threading

import coproc
import pytest
from coproc import LazyPool, LegacyWorkerResource, WorkerResourcePool


class Item:
    """What cannot be pickled."""

    def __init__(self, value):
        self.value = value
        self.lock = threading.Lock()


def serve(messenger, factor=1):
    while True:
        messenger.send_reply(messenger.receive_blocking() * factor)


def serve_one(messenger):
    messenger.send_reply(messenger.receive_blocking())
    os._exit(5)


def test_a_lazy_pool_runs_anything_on_anything():
    items = [Item(i) for i in range(50)]
    pool = LazyPool(3)
    assert pool.map(lambda item: item.value * 2, items) == [2 * i for i in range(50)]
    assert sorted(pool.map_unordered(lambda item: item.value, items, chunksize=7)) == list(range(50))
    assert pool.map(lambda x: x, {"a": 1, "b": 2}) == ["a", "b"]
    assert pool.map(lambda x: x, iter("abc")) == ["a", "b", "c"]
    assert pool.map(lambda x: x, []) == []
    with pytest.raises(ZeroDivisionError):
        pool.map(lambda item: 1 // item.value, items)
    assert not pool.is_alive() and list(pool) == []


def test_results_of_a_lazy_pool_have_their_indices():
    items = [Item(i) for i in range(50)]
    pool = LazyPool(2)
    results = pool.map_unordered(lambda item: 100 // item.value, items, chunksize=3).as_results()
    assert not pool.is_alive()
    found = {}
    for result in results:
        assert pool.is_alive()
        found[result.index] = result.error if result.error is not None else result.value
    assert isinstance(found.pop(0), ZeroDivisionError) and found == {i: 100 // i for i in range(1, 50)}
    assert not pool.is_alive()
    results = pool.map_unordered(lambda item: item.value, items)
    next(results)
    with pytest.raises(ValueError, match="call it before the first of them"):
        results.as_results()
    assert len(list(results)) == 49 and list(results) == [] and not pool.is_alive()


def test_an_error_takes_the_place_of_a_result_of_a_lazy_pool():
    results, found, errors = LazyPool(1).map_unordered(lambda x: 6 // x, [1, 0, 2], max_retries=1), [], 0
    while True:
        try:
            found.append(next(results))
        except StopIteration:
            break
        except ZeroDivisionError:
            errors += 1
    assert sorted(found) == [3, 6] and errors == 1
    for wrong, error in (
        ({"chunksize": 0}, ValueError),
        ({"max_retries": -1}, ValueError),
        ({"progress": 3}, TypeError),
    ):
        with pytest.raises(error):
            LazyPool(1).map_unordered(abs, [1], **wrong)


def test_a_lazy_pool_keeps_the_old_names():
    with LazyPool(2, verbose=True) as pool:
        assert pool.map(str, [1, 2, 3], chunksize=2, channel_id="any") == ["1", "2", "3"]
        assert pool.chunk_size_slice(5, 2) == [slice(0, 2, 1), slice(2, 4, 1), slice(4, 5, 1)]
        results = pool.map_unordered(str, range(1000))
        next(results)
        assert pool.is_alive() and len(list(pool)) == 2
        results.close()
        assert not pool.is_alive()
        pool.wait_until_dead()


def test_workers_together():
    pool = WorkerResourcePool.new(3, serve, coproc.MultiMessenger, factor=2)
    with pool:
        assert pool.is_alive() and len(pool) == 3
        assert len({worker.pid for worker in pool}) == 3
        assert sorted(pool.map_messages(range(20))) == [2 * i for i in range(20)]
        assert sorted(pool.map_messages(iter([1]))) == [2]
        assert list(pool.map_messages([])) == []
        assert sorted(pool.map_messages("ab", channel_id=None)) == ["aa", "bb"]
    assert not pool.is_alive()
    pool.set_start_kwargs(factor=3)
    pool.start()
    assert sorted(pool.map_messages([1, 2])) == [3, 6]
    assert [status.code for status in pool.join()] == [0, 0, 0]
    pool.start(factor=5)
    pool.terminate()
    pool.wait_until_dead()
    assert [status.success for status in pool.apply_to_workers(lambda worker: worker.exit_status)] == [False] * 3
    assert [s is None for s in WorkerResourcePool.new(2, serve).stop()] == [True, True]


def test_a_death_among_workers_is_raised():
    with WorkerResourcePool.new(2, serve_one) as pool:
        results = pool.map_messages(range(10))
        with pytest.raises(coproc.WorkerDiedError, match="code 5"):
            list(results)


class Counter(coproc.BaseWorkerProcess):
    def __init__(self, messenger, start=0):
        super().__init__(messenger)
        self.count = start

    def __call__(self):
        while True:
            self.count += self.messenger.receive_blocking()
            self.messenger.send_reply(self.count)


def test_the_legacy_resource(method):
    worker = LegacyWorkerResource(Counter, method=method)
    assert repr(worker) == (
        f"LegacyWorkerResource(worker_process_type={Counter!r}, messenger_type={coproc.PriorityMessenger!r}, "
        f"method={method!r}, _proc=None, _messenger=None)"
    )
    assert repr(type(worker)) == "<class 'coproc.legacy_worker_resource.legacy_worker_resource.LegacyWorkerResource'>"
    worker.start(start=5)
    worker.messenger.send_request(1)
    assert worker.messenger.receive_blocking() == 6
    worker.stop()
    assert worker.worker_process_type is Counter


def test_replies_to_a_map_that_was_left_are_not_those_of_the_next():
    with WorkerResourcePool.new(2, serve) as pool:
        for _ in pool.map_messages(range(10)):
            break
        assert sorted(pool.map_messages([100, 200, 300])) == [100, 200, 300]


def test_a_map_goes_on_with_the_workers_that_are_left():
    with WorkerResourcePool.new(2, serve) as pool:
        pool.workers[1].kill()
        pool.workers[1].join()
        assert sorted(pool.map_messages(range(5))) == list(range(5))
        pool.workers[0].kill()
        pool.workers[0].join()
        with pytest.raises(coproc.WorkerIsDeadError, match="no worker"):
            list(pool.map_messages([1]))
