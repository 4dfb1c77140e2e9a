"""joblib with coproc as its backend."""

import multiprocessing
import os
import threading
import time

import coproc
import pytest
from tasks import die_on, double, fail_on, sleep, square, wait_until

joblib = pytest.importorskip("joblib")
import coproc.joblib  # noqa: E402  it needs joblib

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")

joblib.register_parallel_backend("coproc", coproc.joblib.Backend)


def calls(function, items):
    return (joblib.delayed(function)(item) for item in items)


def nested(x):
    return sum(joblib.Parallel(n_jobs=2)(calls(square, range(x))))


def test_calls_run_in_workers_in_the_order_of_the_input():
    with joblib.parallel_backend("coproc", n_jobs=2, method="fork"):
        assert joblib.Parallel()(calls(square, range(300))) == [x * x for x in range(300)]
        assert os.getpid() not in joblib.Parallel()(calls(lambda _: os.getpid(), range(5)))
        with joblib.Parallel() as parallel:
            assert [parallel(calls(square, [x])) for x in range(3)] == [[0], [1], [4]]
        assert joblib.Parallel()(calls(nested, [3, 4])) == [5, 14]


def test_an_executor_is_used_and_left_as_it_is():
    with coproc.Executor(1, method="fork") as executor:
        pids = set(executor.map(pid_of_this, range(3)))
        with joblib.parallel_backend("coproc", executor=executor):
            assert joblib.effective_n_jobs() == 1
            assert set(joblib.Parallel()(calls(pid_of_this, range(20)))) == pids
        assert executor.submit(double, 2).result() == 4
        with pytest.raises(TypeError, match="max_retries"):
            coproc.joblib.Backend(executor=executor, max_retries=1)


def pid_of_this(_):
    return os.getpid()


def mark_and_wait(path):
    path.touch()
    time.sleep(3600)


def wait_and_fail(path):
    wait_until(path.exists)
    raise ValueError("bad")


def test_an_error_ends_what_runs(tmp_path):
    path = tmp_path / "begun"
    with joblib.parallel_backend("coproc", n_jobs=2, method="fork"):
        with pytest.raises(ValueError, match="bad"):
            joblib.Parallel()([joblib.delayed(wait_and_fail)(path), joblib.delayed(mark_and_wait)(path)])
        assert joblib.Parallel()(calls(square, [3])) == [9]
        with joblib.Parallel() as parallel:
            with pytest.raises(ValueError, match="bad 3"):
                parallel(calls(fail_on({3}), range(10)))
            assert parallel(calls(square, range(3))) == [0, 1, 4]


def test_deaths_and_times():
    with joblib.parallel_backend("coproc", n_jobs=2, method="fork"):
        with pytest.raises(coproc.WorkerDiedError):
            joblib.Parallel()(calls(die_on(3), range(5)))
        with pytest.raises(multiprocessing.TimeoutError):
            joblib.Parallel(timeout=0.1)(calls(sleep, [3600, 3600]))


def test_the_number_of_jobs():
    backend = coproc.joblib.Backend()
    usable = backend.effective_n_jobs(-1)
    assert usable == len(coproc.Pool())
    assert backend.effective_n_jobs(-1 - usable) == backend.effective_n_jobs(None) == 1
    assert backend.effective_n_jobs(5) == 5
    with pytest.raises(ValueError, match="n_jobs"):
        backend.effective_n_jobs(0)
    assert backend._options == {
        "method": "forkserver"
    }  # a fork of a process with threads is what users have to ask for


def test_no_thread_is_left():
    before = threading.active_count()
    with joblib.parallel_backend("coproc", n_jobs=2, method="fork"):
        joblib.Parallel()(calls(square, range(10)))
    assert threading.active_count() == before
