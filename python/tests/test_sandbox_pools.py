"""Pools whose workers are in a box."""

import multiprocessing

import coproc
import pytest
from boxed import (
    CALLED,
    Odd,
    details,
    end_by_tracing,
    fail,
    fail_at_once,
    half,
    make_payload,
    open_passwd,
    ready,
)
from coproc import Limits, Sandbox


def test_a_pool_in_a_box(method):
    with coproc.Pool(2, sandbox=Sandbox.compute(), method=method, init=ready) as pool:
        assert pool.map(half, range(1000)) == [number / 2 for number in range(1000)]
        assert pool.map(open_passwd, range(4)) == ["EACCES"] * 4
        found = pool.submit(details, 7).result(timeout=60)
        assert found["number"] == 7 and found["array"].tolist() == [7, 7, 7] and found["large"] == b"x" * 300_000
        with pytest.raises(coproc.RemoteError, match="Odd: 3"):
            pool.submit(fail, 3).result(timeout=60)
        with pytest.raises(coproc.RemoteError, match="Payload.*trust_pickle=True"):
            pool.submit(make_payload, 3).result(timeout=60)
        with pytest.raises(coproc.WorkerDiedError, match="ended by its sandbox: it called ptrace"):
            pool.submit(end_by_tracing, 3).result(timeout=60)
        assert pool.map(half, range(10)) == [number / 2 for number in range(10)]
        assert all(worker.confinement().filters_calls for worker in pool)
    assert not CALLED


def test_a_pool_whose_boxed_workers_are_trusted():
    with coproc.Pool(1, sandbox=Sandbox.compute(), trust_pickle=True, init=ready) as pool:
        with pytest.raises(Odd):
            pool.submit(fail, 3).result(timeout=60)
        assert pool.submit(make_payload, 3).result(timeout=60) is None
        assert CALLED == [1]
    CALLED.clear()


def test_a_failing_init_of_boxed_workers_is_told_by_text():
    with coproc.Pool(1, sandbox=Sandbox.compute(), init=fail_at_once) as pool:
        with pytest.raises(coproc.PoolBrokenError) as caught:
            pool.submit(half, 3).result(timeout=60)
        assert isinstance(caught.value.__cause__, coproc.RemoteError)
    with coproc.Pool(1, init=fail_at_once) as pool:
        with pytest.raises(coproc.PoolBrokenError) as caught:
            pool.submit(half, 3).result(timeout=60)
        assert isinstance(caught.value.__cause__, Odd)


def test_a_pool_that_cannot_have_its_box():
    pool = coproc.Pool(1, sandbox=Sandbox.files().read("/nowhere/at/all"))
    with pytest.raises((coproc.StartError, coproc.PoolBrokenError), match="nowhere"):
        pool.map(half, range(3))
    pool.stop()


def test_an_executor_and_a_pool_of_multiprocessing_in_a_box():
    with coproc.Executor(1, sandbox=Sandbox.compute(), method="forkserver", initializer=ready) as executor:
        assert executor.submit(open_passwd, 1).result(timeout=60) == "EACCES"
    options = {"sandbox": Sandbox.compute(), "limits": Limits(open_files=200), "initializer": ready}
    with coproc.MultiprocessingPool(1, context=multiprocessing.get_context("forkserver"), **options) as pool:
        assert pool.apply(open_passwd, (1,)) == "EACCES"
