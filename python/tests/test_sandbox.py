"""Workers in a box: what they cannot reach, that everything else works, and how they are started."""

import multiprocessing
import os
import pathlib
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import coproc
import numpy as np
import pytest
from boxed import Odd, ask, boxed, fail, serve
from coproc import Limits, Sandbox


# ---- what a box keeps out, and what it does not ----


def test_a_worker_that_computes_reaches_nothing(method, tmp_path):
    with boxed(Sandbox.compute(), method=method) as worker:
        assert ask(worker, "open", "/etc/passwd") == "EACCES"
        assert ask(worker, "create", str(tmp_path / "new")) == "EACCES"
        assert ask(worker, "signal", os.getpid()) == "EPERM"
        assert ask(worker, "limits", os.getpid()) == "EPERM"
        assert ask(worker, "fork", None) == "EPERM"
        assert ask(worker, "connect", 9) == "EACCES"
        # Imports need files, so everything is imported before.
        assert ask(worker, "import", "wsgiref.headers") != "works"
        confinement = worker.confinement()
        assert confinement.filters_calls and confinement.is_complete and not confinement.missing
        assert "system calls: filtered" in confinement.describe()


def test_in_a_box_in_which_each_refusal_ends_it_a_worker_does_all_that_it_did(method):
    with boxed(Sandbox.compute().strict(), method=method) as worker:
        assert ask(worker, "echo", {"text": ["ä", 1.5, None, b"x"]}) == {"text": ["ä", 1.5, None, b"x"]}
        assert ask(worker, "sum", np.ones(1 << 20)) == 1 << 20
        assert ask(worker, "threads") == [1]
        assert worker.stop().stopped_by == "close_request"
        worker.start()
        assert ask(worker, "echo", 2) == 2
        worker.messenger.send_request(["raise"])
        with pytest.raises(coproc.RemoteError, match="Odd: inside") as caught:
            worker.messenger.receive_blocking(timeout=60)
        assert "in serve" in str(caught.value.__cause__)
        assert worker.join(timeout=60).code == 1


def test_the_files_that_are_given(tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "text").write_text("x")
    with boxed(Sandbox.files().read(tmp_path / "given")) as worker:
        assert ask(worker, "open", str(tmp_path / "given" / "text")) == "works"
        assert ask(worker, "create", str(tmp_path / "given" / "new")) == "EACCES"
        assert ask(worker, "open", "/etc/passwd") == "EACCES"
        assert ask(worker, "run", None) == "EPERM"


def test_a_port_that_is_given():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        with boxed(Sandbox.client().connect([server.getsockname()[1]]).best_effort()) as worker:
            assert ask(worker, "connect", server.getsockname()[1]) == "works"
            if worker.confinement().is_complete:
                assert ask(worker, "connect", other.getsockname()[1]) == "EACCES"


def test_a_guarded_worker_has_everything_but_its_host():
    with boxed(Sandbox.guard().best_effort()) as worker:
        assert ask(worker, "open", "/etc/passwd") == "works"
        assert ask(worker, "import", "wsgiref.headers") == "works"
        assert ask(worker, "limits", os.getpid()) == "EPERM"


def test_a_worker_that_does_what_nobody_does_by_chance_is_named():
    with boxed(Sandbox.compute()) as worker:
        with pytest.raises(
            coproc.WorkerDiedError, match=r"ended by its sandbox: it called ptrace\(0, .*Sandbox\.allow"
        ):
            ask(worker, "trace")
        status = worker.stop()
        assert status.signal == signal.SIGSYS
        assert status.violation.call == "ptrace"
        assert status.violation.arguments[:2] == (0, 0) and len(status.violation.arguments) == 6
        assert "Sandbox.allow" in status.report() and "::" not in status.describe()
    with boxed(Sandbox.compute().strict()) as worker:
        with pytest.raises(coproc.WorkerDiedError):
            ask(worker, "connect", 9)
        assert worker.exit_status.violation.call == "socket"


def test_no_violation_is_told_of_other_ends():
    with coproc.WorkerResource(serve) as worker:
        worker.messenger.send_request(["raise"])
        worker.join(timeout=60)
        assert worker.exit_status.violation is None
        with pytest.raises(Odd):
            worker.messenger.receive_blocking()


def test_without_a_method_a_boxed_worker_is_no_fork(monkeypatch):
    multiprocessing.set_start_method("fork", force=True)
    try:
        with boxed(Sandbox.compute()) as worker:
            assert type(worker.proc).__name__ == "ForkServerProcess"
        assert worker.method is None
    finally:
        multiprocessing.set_start_method(None, force=True)


def test_a_boxed_worker_has_no_descriptor_of_another_process(method):
    with tempfile.TemporaryFile() as file:
        os.set_inheritable(file.fileno(), True)
        own = os.fstat(file.fileno())
        with boxed(Sandbox.guard().best_effort(), method=method) as worker:
            found = ask(worker, "descriptors")
        assert len(found) > 3
        assert own.st_ino not in found and tracker_pipe() not in found


def tracker_pipe():
    """The number of the pipe to multiprocessing's resource tracker, which unlinks what it is told to."""
    fd = multiprocessing.resource_tracker._resource_tracker._fd
    return None if fd is None else os.fstat(fd).st_ino


# ---- starts ----


def test_a_start_that_cannot_have_its_box_fails():
    worker = boxed(Sandbox.files().read("/nowhere/at/all"))
    for _ in range(2):
        with pytest.raises(coproc.StartError, match="'boxed' was not started.*/nowhere/at/all") as caught:
            worker.start()
        assert caught.value.stage == "sandbox"
    assert not worker.is_alive()
    with pytest.raises(coproc.WorkerIsDeadError):
        worker.confinement()


def test_a_worker_that_ends_before_its_box_says_why(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        "import multiprocessing, coproc\n"
        "if multiprocessing.current_process().name != 'MainProcess': raise LookupError('in main')\n"
        "def target(messenger): pass\n"
        "if __name__ == '__main__':\n"
        "    worker = coproc.WorkerResource(target, method='spawn', sandbox=coproc.Sandbox.compute())\n"
        "    worker.start()\n"
        "    try: worker.messenger.receive_blocking(timeout=60)\n"
        "    except coproc.RemoteError as error: print(error)\n"
        "    try: worker.confinement()\n"
        "    except coproc.WorkerIsDeadError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "LookupError: in main",
        "worker 'target' has ended before it was confined: receive says why",
    ], done.stderr


class Unloadable:
    def __reduce__(self):
        return fail, ("unpickled",)


def test_a_start_does_not_wait_for_the_report_of_a_dead_worker(monkeypatch):
    kept = []
    # As if a process that was forked meanwhile had inherited the pipe.
    monkeypatch.setattr(coproc.worker_resource.box.Box, "started", lambda box: kept.append(box._answer))
    worker = boxed(Sandbox.compute(), method="spawn")
    worker.start(other=Unloadable())
    with pytest.raises(coproc.RemoteError, match="unpickled"):
        worker.messenger.receive_blocking(timeout=60)
    worker.stop()
    kept[0].close()


def test_options_of_other_types_are_refused():
    with pytest.raises(TypeError, match="sandbox: Sandbox or None"):
        coproc.WorkerResource(serve, sandbox="compute")
    with pytest.raises(TypeError, match="limits: Limits or None"):
        coproc.WorkerResource(serve, limits=5)
    with pytest.raises(ValueError, match=r"Sandbox\.read: guard\(\)"):
        Sandbox.guard().read("/tmp")
    with pytest.raises(ValueError, match="no system call"):
        Sandbox.compute().allow("fstat64")
    for wrong in ({"memory": -1}, {"cpu_time": 0}, {"priority": 20}, {"priority": -1}):
        with pytest.raises(ValueError):
            Limits(**wrong)
    with pytest.raises(TypeError):
        Limits(memory=0.5)


def test_sandboxes_and_limits_are_values():
    box = Sandbox.client().read("/usr").write(b"/tmp").execute(pathlib.Path("/bin")).system().connect([443, 80])
    box = box.allow("socketpair").strict().best_effort()
    text = (
        "Sandbox.client().read('/usr').write('/tmp').execute('/bin').system().connect([443, 80]).allow('socketpair')"
        ".strict().best_effort()"
    )
    assert repr(box) == text and eval(text) == box
    limits = Limits(memory=1 << 30, cpu_time=5, open_files=100, processes=50, file_size=0, priority=3)
    assert eval(repr(limits)) == limits and limits.memory == 1 << 30 and Limits().cpu_time is None
    for value in (box, limits, Sandbox.guard(), Limits()):
        assert pickle.loads(pickle.dumps(value)) == value
        assert hash(pickle.loads(pickle.dumps(value))) == hash(value)
    assert box != Sandbox.compute() and Limits() != limits


# ---- from inside ----


def test_a_worker_that_confines_itself():
    with coproc.WorkerResource(serve, method="forkserver") as worker:
        assert ask(worker, "open", "/etc/passwd") == "works"
        assert ask(worker, "confine") is True
        assert ask(worker, "open", "/etc/passwd") == "EACCES"
        assert ask(worker, "echo", (1, "x")) == (1, "x")
        assert not worker.confinement().filters_calls  # that is what the host has asked for


def test_a_process_with_threads_is_not_confined():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(ValueError, match="more than one thread"):
            coproc.this_worker.confine(Sandbox.compute())
    finally:
        done.set()
        thread.join()


# ---- programs ----


def test_a_program_in_a_box():
    path = pathlib.Path(os.environ.get("COPROC_EXAMPLES", "")) / "pricing"
    if not path.exists():
        pytest.skip("the examples are not built")
    with coproc.ProgramResource(path, sandbox=Sandbox.compute(), limits=Limits(cpu_time=100)) as worker:
        assert worker.confinement().filters_calls
        assert worker.confinement().limits == ["cpu_time: 100 s (RLIMIT_CPU)"]
    worker = coproc.ProgramResource(path, sandbox=Sandbox.files().read("/nowhere"))
    with pytest.raises(coproc.StartError) as caught:
        worker.start()
    assert caught.value.stage == "sandbox"


def test_a_worker_that_loops_is_ended_in_its_box():
    with boxed(Sandbox.compute(), stop=coproc.StopOptions(0.1, 0.1)) as worker:
        worker.messenger.send_request(["spin"])
        time.sleep(0.01)
        assert worker.stop().stopped_by in ("terminate", "kill")
