"""Pools whose workers run on other machines."""

import os
import signal

import coproc
import pytest
from machines import PATIENT_STOP, here

OPTIONS = {"stop": PATIENT_STOP, "start_timeout": 300}


def kill_once(path):
    """Kill the worker the first time that this is called."""
    if not os.path.exists(path):
        open(path, "x").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "again"


def test_workers_are_dealt_to_the_machines_in_turn():
    offset = 5
    machines = [here(name, ["env", f"MACHINE_TEST={name}"]) for name in ("one", "two")]
    with coproc.Pool(3, machines=machines, **OPTIONS) as pool:
        assert pool.map(lambda x: x + offset, range(1000)) == list(range(5, 1005))
        assert pool.submit(divmod, 7, 2).result() == (3, 1)
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 7, 0).result()
        insights = pool.insights()
        assert [worker.machine for worker in insights] == ["one", "two", "one"]
        names = {worker.pid: worker.machine for worker in insights}
        for pid, name in pool.map(lambda _: (os.getpid(), os.environ["MACHINE_TEST"]), range(100)):
            assert names[pid] == name
        assert sum(worker.tasks for worker in insights) == 1002 and insights.table().count(" two\n") == 1
    with coproc.Pool(1) as pool:
        pool.map(abs, [1])
        assert pool.insights()[0].machine == ""


def test_a_worker_that_dies_is_replaced_on_its_machine(tmp_path):
    with coproc.Pool(2, machines=[here("one"), here("two")], **OPTIONS) as pool:
        pool.start()
        with pytest.raises(coproc.WorkerDiedError) as caught:
            pool.submit(kill_once, str(tmp_path / "a")).result()
        assert caught.value.exit_status.signal == signal.SIGKILL
        assert pool.submit_with({"max_retries": 1}, kill_once, str(tmp_path / "b")).result() == "again"
        pool.wait()
        insights = pool.insights()
        assert [worker.machine for worker in insights] == ["one", "two"]
        assert sum(worker.replaced for worker in insights) >= 1


def test_the_other_pools_have_machines_too():
    with coproc.Executor(1, machines=[here()], **OPTIONS) as executor:
        assert executor.submit(pow, 2, 5).result() == 32
    with coproc.MultiprocessingPool(1, machines=[here()], **OPTIONS) as pool:
        assert pool.map(abs, [-1, 2]) == [1, 2]


def test_init_and_exit_run_there():
    with coproc.Pool(1, machines=[here()], init=dict, init_args=([("a", 1)],), exit=dict.clear, **OPTIONS) as pool:
        assert pool.map(lambda state, key: state[key], ["a"]) == [1]


def test_what_is_about_this_machine_is_refused():
    for options, words in (
        ({}, "their processors are not counted: give n"),
        ({"n": 1, "pin": True}, "pin means processors of this machine"),
        ({"n": 1, "recycle": {"memory": 1}}, "RecycleOptions.memory is not looked at there"),
        ({"n": 1, "health": {"reply": 1}}, "nobody sees whether a worker there hangs"),
        ({"n": 1, "method": "fork"}, "use method='spawn'"),
        ({"n": 1, "sandbox": coproc.Sandbox.compute()}, "sandbox is not applied there"),
    ):
        with pytest.raises(ValueError, match=words):
            coproc.Pool(machines=[here()], **options)
    with pytest.raises(TypeError, match="machines: a list of Machines"):
        coproc.Pool(1, machines=[coproc.ssh("node7")])


def test_a_start_that_fails_is_told_with_its_reason():
    pool = coproc.Pool(1, machines=[here(program_there="no-such-python")], **OPTIONS)
    with pytest.raises(coproc.StartError, match='on "there": .*no-such-python'):
        pool.start()
