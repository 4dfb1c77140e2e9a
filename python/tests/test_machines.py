"""Workers on other machines. docs/machines.md has what they promise."""

import copy
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time

import coproc
import numpy
import pytest
from machines import (
    Counter,
    PATIENT,
    PATIENT_STOP,
    children,
    echo,
    fail,
    far_agent,
    has_ended,
    here,
    near_agent,
    print_much,
    script,
    tell_of_itself,
    wait,
)


pytestmark = pytest.mark.usefixtures("no_agent_is_left")


@pytest.fixture
def start():
    """Starts a worker there."""
    started = []

    def start_there(target, *, machine=None, options=None, **arguments):
        options = {"stop": PATIENT_STOP, "start_timeout": 300, **(options or {})}
        worker = coproc.WorkerResource(target, machine=machine or here(), **options)
        started.append(worker)
        worker.start(**arguments)
        return worker

    yield start_there
    for worker in started:
        if worker.process_exists():
            worker.stop(close=0, terminate=0)


# ---- messages ----


@pytest.mark.parametrize("kind", [coproc.PriorityMessenger, coproc.MultiMessenger])
def test_messages_are_as_here(start, kind):
    worker = start(echo, options={"messenger_type": kind})
    assert type(worker.messenger) is kind
    for value in (5, "text", {"a": [1, (2, 3)], "b": None}, b"x" * 3_000_000):
        assert worker.messenger.call(value) == value
    assert list(worker.messenger.send_request_multiple(range(500))) and worker.messenger.remaining() == 500
    assert list(worker.messenger.receive_remaining()) == list(range(500))
    assert worker.stop().success


def test_a_class_is_constructed_there_and_can_be_started_again(start):
    worker = start(Counter, first=10)
    assert worker.messenger.call(5) == 15
    worker.stop()
    worker.start(first=100)
    assert worker.messenger.call(5) == 105


def test_closures_travel(start):
    greeting = "so: "

    def answer(messenger, end):
        while True:
            messenger.send_reply(greeting + messenger.receive_blocking() + end)

    assert start(answer, end="!").messenger.call("a") == "so: a!"


def test_large_arrays_are_copied(start):
    worker = start(echo)
    array = numpy.arange(2_000_000, dtype="i4").reshape(1000, 2000)
    answer = worker.messenger.call(array)
    assert answer.dtype == array.dtype and (answer == array).all()
    answer[0, 0] = -1
    assert array[0, 0] == 0
    with pytest.raises(coproc.LoanError):
        worker.messenger.empty(1_000_000, "u1")


def test_it_knows_who_it_is(start):
    told = []
    for machine in (here(), None):
        worker = coproc.WorkerResource(
            tell_of_itself, method="spawn", number=7, seed=3, machine=machine, start_timeout=300
        )
        worker.start()
        told.append(worker.messenger.receive_blocking())
        assert worker.messenger.receive_blocking() is (machine is not None)
        assert worker.join().success
    assert told[0][0] == 7 and told[0] == told[1]


def test_numbers_are_shared_with_the_workers_of_this_machine(start):
    numbers = []
    for machine in (None, here(), None, here()):
        worker = coproc.WorkerResource(tell_of_itself, machine=machine, start_timeout=300)
        worker.start()
        numbers.append(worker.messenger.receive_blocking()[0])
        worker.join()
    assert numbers == list(range(numbers[0], numbers[0] + 4))


# ---- how it ends ----


def test_an_exception_has_its_type_and_its_traceback(start):
    worker = start(fail, error=KeyError("what"))
    status = worker.join()  # so that all has arrived, and the error overtakes
    with pytest.raises(KeyError, match="what") as caught:
        worker.messenger.receive_blocking()
    assert worker.messenger.receive_blocking() == "before"
    assert "in fail" in str(caught.value.__cause__)
    assert status.code == 1 and status.exception_text == "KeyError: 'what'" and status.machine_lost is None


def test_an_exception_that_nobody_receives_is_printed(start, capfd):
    worker = start(fail, error=ValueError("unread"))
    worker.join()
    worker.stop()
    assert "ValueError: unread" in capfd.readouterr().err


@pytest.mark.parametrize("error, code", [(SystemExit(3), 3), (coproc.ResourceRequestedClose(), 0)])
def test_exits_have_their_codes(start, error, code):
    assert start(fail, error=error).join().code == code


def test_finish_and_terminate(start):
    worker = start(echo)
    worker.messenger.send_request(1)
    assert worker.finish().success
    worker.start()
    worker.terminate()
    status = worker.join()
    assert status.signal == signal.SIGTERM and status.stopped_by == "terminate"


def test_what_a_killed_worker_had_sent_is_delivered(start):
    worker = start(echo)
    assert worker.messenger.call(1) == 1
    worker.messenger.send_request(2)
    assert worker.messenger.receive_blocking() == 2
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(coproc.WorkerDiedError) as caught:
        worker.messenger.receive_blocking()
    status = caught.value.exit_status
    assert status.signal == signal.SIGKILL and status.stopped_by is None and status.machine_lost is None


@pytest.mark.parametrize("agent", [near_agent, far_agent])
def test_a_killed_agent_is_a_lost_machine(start, agent):
    worker = start(echo)
    pid = worker.pid
    assert worker.messenger.call(1) == 1
    os.kill(agent(), signal.SIGKILL)
    with pytest.raises(coproc.WorkerDiedError, match="was lost with the connection to its machine"):
        worker.messenger.receive_blocking()
    lost = worker.exit_status.machine_lost
    assert (lost.machine, lost.fence) == ("there", coproc.Fence.no) and lost.why and "there" in repr(lost)
    assert worker.exit_status.code is None and worker.exit_status.signal is None and not worker.exit_status.success
    while not has_ended(pid):  # it goes with the agent
        time.sleep(0.01)


def test_a_silent_machine_has_a_lease(start):
    worker = start(echo, machine=here(silence=2))
    pid = worker.pid
    far = far_agent()
    os.kill(far, signal.SIGSTOP)
    with pytest.raises(coproc.WorkerDiedError):
        worker.messenger.receive_blocking()
    assert worker.exit_status.machine_lost.fence in (coproc.Fence.by_lease, coproc.Fence.confirmed)
    while not has_ended(pid):
        time.sleep(0.01)


def test_a_fence_ends_what_runs_there(start, tmp_path):
    """The connection ends, and the agent there does not see it: the worker would run on."""
    launch = script(tmp_path / "launch", 'cat | "$@" | cat\n')
    fence = script(tmp_path / "fence", f'kill -KILL $(cat "{tmp_path}/pids")\n')
    launcher = coproc.Launcher([launch], fence=[fence], fence_time=300)
    worker = start(echo, machine=coproc.Machine(launcher, **PATIENT))
    (shell,) = children(near_agent())
    names = {child: pathlib.Path(f"/proc/{child}/comm").read_text().strip() for child in children(shell)}
    (far,) = [child for child, name in names.items() if name == "coproc-far"]
    (tmp_path / "pids").write_text(f"{worker.pid} {far}")
    os.kill(far, signal.SIGSTOP)
    for process in (shell, *(child for child in names if child != far)):
        os.kill(process, signal.SIGKILL)
    assert worker.join().machine_lost.fence == coproc.Fence.confirmed


def test_an_agent_that_connects_back(start):
    worker = start(echo, machine=coproc.Machine(coproc.Launcher(["env"], connects_back=True), **PATIENT))
    assert worker.messenger.call("a") == "a"
    sockets = [os.readlink(each) for each in pathlib.Path(f"/proc/{far_agent()}/fd").iterdir()]
    assert any(each.startswith("socket:") for each in sockets)
    assert worker.stop().success


def tell_variable(messenger, name):
    messenger.send_norequest(os.environ.get(name))


def test_its_environment_and_its_stderr(start, capfd):
    options = {"env": {"COPROC_TEST_LEVEL": "3"}, "capture_stderr": True}
    assert start(tell_variable, options=options, name="COPROC_TEST_LEVEL").messenger.receive_blocking() == "3"
    assert start(print_much, options=options).join().stderr_tail == "to stderr\n"
    assert capfd.readouterr().err == ""


def test_a_worker_ends_with_its_object(start):
    worker = coproc.WorkerResource(echo, machine=here())
    worker.start()
    pid = worker.pid
    del worker
    assert has_ended(pid)


def test_what_it_prints_comes_here(start, capfd):
    assert start(print_much).join().success
    out, err = capfd.readouterr()
    assert out == "to stdout\nat the end\n" and err == "to stderr\n"


# ---- the objects ----


def test_there_is_no_process_of_multiprocessing(start):
    with pytest.raises(coproc.WorkerIsDeadError, match="has no Process here"):
        _ = start(echo).proc


def test_an_interpreter_may_be_a_name(start):
    assert start(echo, machine=here(program_there="python3")).messenger.call(1) == 1


def test_machines_and_workers_can_be_copied():
    machine = coproc.Machine(coproc.ssh("node7", ["-p", "22"]), agent="a", program_there="python3", silence=None)
    assert machine.name == "node7" and machine.launcher.ships and machine.launcher.command[-1] == "node7"
    assert repr(pickle.loads(pickle.dumps(machine))) == repr(copy.deepcopy(machine)) == repr(machine)
    worker = copy.deepcopy(coproc.WorkerResource(echo, machine=here()))
    worker.start()
    assert worker.messenger.call(1) == 1
    worker.stop()


def test_the_words_of_launchers_and_machines():
    machine = coproc.Machine(
        coproc.Launcher(["qrsh"], connects_back=True, fence=["qdel", "7"], fence_time=5), ports=(7000, 7010)
    )
    launcher = machine.launcher
    assert (launcher.connects_back, launcher.fence, launcher.fence_time) == (True, ["qdel", "7"], 5)
    assert machine.ports == (7000, 7010) and coproc.Machine(launcher).ports is None
    for same in (pickle.loads(pickle.dumps(machine)), copy.deepcopy(machine)):
        assert repr(same) == repr(machine) and "fence=['qdel', '7'], fence_time=5" in repr(same)
    for options in ({"fence_time": None}, {"fence_time": float("nan")}):
        with pytest.raises(ValueError):
            coproc.Launcher(["qrsh"], **options)
    for ports in (7000, (1, 2, 3), (0, 65536), ("a", "b")):
        with pytest.raises(TypeError):
            coproc.Machine(launcher, ports=ports)
    with pytest.raises(ValueError, match="ports"):
        coproc.WorkerResource(wait, machine=coproc.Machine(launcher, ports=(7010, 7000))).start()


def test_the_agent_that_was_installed_with_the_module_is_found():
    assert os.access(here().agent, os.X_OK)
    assert pathlib.Path(here().agent).parent == pathlib.Path(coproc.__file__).parent


PROGRAM = """
import dataclasses, sys
import coproc

@dataclasses.dataclass
class Point:
    x: int

def shifted(point):
    return Point(point.x + 1)

def serve(messenger):
    while True:
        messenger.send_reply(shifted(messenger.receive_blocking()))

if __name__ == "__main__":
    machine = coproc.Machine(coproc.command(["env"]), name="there", silence=600)
    with coproc.WorkerResource(serve, machine=machine) as worker:
        assert worker.messenger.call(Point(1)) == Point(2)
    with coproc.Pool(1, machines=[machine]) as pool:
        assert pool.map(shifted, [Point(1), Point(2)]) == [Point(2), Point(3)]
    print("fine")
"""


def run(path):
    return subprocess.run([sys.executable, path], capture_output=True, text=True)


def test_the_main_module_need_not_be_there(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = run(path)
    assert done.stdout == "fine\n" and done.stderr == ""


def test_without_cloudpickle_the_main_module_is_refused(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("import sys\nsys.modules['cloudpickle'] = None\n" + PROGRAM)
    assert 'cannot be started on "there": what is of the main module travels' in run(path).stderr


def test_a_program_runs_there(tmp_path):
    path = tmp_path / "worker.py"
    path.write_text(
        "import sys, coproc\n"
        "def main(m):\n    while True: m.send_reply(m.receive_blocking() * 2)\n"
        "sys.exit(coproc.run_worker(main))\n"
    )
    worker = coproc.ProgramResource(sys.executable, [str(path)], machine=here(), start_timeout=300, stop=PATIENT_STOP)
    worker.start()
    assert worker.messenger.call(4) == 8
    assert worker.stop().success
