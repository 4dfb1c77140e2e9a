"""Workers in a box: what they cannot reach, that everything else works, and that their pickles are refused."""

import contextlib
import ctypes
import errno
import multiprocessing
import os
import pathlib
import pickle
import resource
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
from coproc import Limits, Sandbox

METHODS = ("fork", "spawn", "forkserver")
each_method = pytest.mark.parametrize("method", METHODS)
NAMES = {number: name for number, name in errno.errorcode.items()}


class Odd(Exception):
    """An exception whose pickle would be an instance of this class."""


def connect(port):
    # socket.create_connection would import an encoding.
    with socket.socket() as client:
        client.connect(("127.0.0.1", port))


def attempt(what, about):
    """Try to reach out of the process; return "works" or the name of the error."""
    attempts = {
        "open": lambda: open(about).close(),
        "create": lambda: open(about, "w").close(),
        "signal": lambda: os.kill(about, 0),
        "limits": lambda: resource.prlimit(about, resource.RLIMIT_CPU),
        "fork": lambda: os.fork() or os._exit(0),
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "connect": lambda: connect(about),
        "import": lambda: __import__(about),
        "memory": lambda: bytearray(about),
    }
    try:
        attempts[what]()
        return "works"
    except OSError as error:
        return NAMES.get(error.errno, str(error))
    except (ImportError, MemoryError) as error:
        return type(error).__name__


def inodes():
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the list itself
            found.append(os.fstat(int(fd)).st_ino)
    return found


def serve(messenger, other=None):
    """Answer the questions of the tests."""
    while True:
        what, *about = messenger.receive_blocking()
        if what == "raise":
            raise Odd("inside")
        if what == "echo":
            messenger.send_reply(about[0])
        elif what == "sum":
            messenger.send_reply(float(about[0].sum()))
        elif what == "object":
            messenger.send_reply(Odd("inside"))
        elif what == "trace":
            ctypes.CDLL(None).ptrace(0, 0, 0, 0)
        elif what == "threads":
            found = []
            thread = threading.Thread(target=found.append, args=(1,))
            thread.start()
            thread.join()
            messenger.send_reply(found)
        elif what == "other":
            other.send_norequest("through the pair")
            messenger.send_reply("sent")
        elif what == "spin":
            while True:
                pass
        elif what == "confine":
            messenger.send_reply(coproc.this_worker.confine(Sandbox.compute()).filters_calls)
        elif what == "descriptors":
            messenger.send_reply(inodes())
        else:
            messenger.send_reply(attempt(what, *about))


def boxed(sandbox, **options):
    return coproc.WorkerResource(serve, name="boxed", sandbox=sandbox, **options)


def ask(worker, *question):
    return worker.messenger.call(list(question), timeout=60)


# ---- what a box keeps out, and what it does not ----


@each_method
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


@each_method
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


@each_method
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


# ---- pickles ----


CALLED = []


def call_code(number):
    CALLED.append(number)


class Payload(Exception):
    """Its unpickling runs code in the process that does it."""

    def __reduce__(self):
        return call_code, (1,)


class Liar(coproc.PriorityMessenger):
    """The messenger of a worker that was taken over: there it pickles, whatever the host has said."""

    def __init__(self, end=None, *, codec="pickle"):
        super().__init__(end, codec="pickle" if multiprocessing.parent_process() else codec)


def send_pickles(messenger):
    for data in (Payload(), 5, "text", b"x" * (1 << 20), memoryview(b"x" * (1 << 20)), np.ones(1 << 20)):
        messenger.send_norequest(data)
    messenger.send_norequest("last", "other channel")
    messenger.reply_error_to(messenger.receive_message_blocking(), Payload())
    messenger.send_error(Payload())
    raise Payload()


def test_pickles_of_a_boxed_worker_are_refused_where_they_arrive():
    worker = coproc.WorkerResource(send_pickles, Liar, "forkserver", name="liar", sandbox=Sandbox.compute())
    with worker:
        refused = rf"'liar' \(pid {worker.pid}\) is in a sandbox.*nothing.*trust_pickle=True"
        for _ in range(5):
            with pytest.raises(coproc.DecodeError, match=refused):
                worker.messenger.receive_blocking(timeout=60)
        with pytest.raises(coproc.DecodeError, match=refused):
            _ = worker.messenger.receive_message_blocking(timeout=60).payload
        with pytest.raises(coproc.DecodeError, match=refused):
            worker.messenger.receive_blocking("other channel", timeout=60)
        for receive in (lambda: worker.messenger.call(1, timeout=60), worker.messenger.receive_blocking):
            with pytest.raises(coproc.RemoteError, match="Payload"):
                receive()
        with pytest.raises(coproc.RemoteError, match="Payload"):
            worker.messenger.receive_blocking(timeout=60)
    assert not CALLED


def test_pickles_of_a_boxed_pools_workers_are_refused_where_they_arrive():
    pool = coproc.Pool(1)
    pool._unpickles = False  # so the workers go on to pickle, as those would that were taken over
    with pool:
        for function in (half, make_payload, details):
            with pytest.raises(coproc.DecodeError, match="in a sandbox.*trust_pickle=True"):
                pool.submit(function, 3).result(timeout=60)
        for function in (fail, raise_payload):
            with pytest.raises(coproc.RemoteError):
                pool.submit(function, 3).result(timeout=60)
    assert not CALLED


def test_an_exception_of_a_boxed_worker_is_not_unpickled():
    with boxed(Sandbox.compute()) as worker:
        worker.messenger.send_request(["raise"])
        with pytest.raises(coproc.RemoteError, match=r"Odd: inside"):
            worker.messenger.receive_blocking(timeout=60)


def test_what_is_no_messagepack_is_refused_in_the_worker():
    with boxed(Sandbox.compute()) as worker:
        worker.messenger.send_request(["object"])
        with pytest.raises(coproc.RemoteError, match="Odd.*trust_pickle=True"):
            worker.messenger.receive_blocking(timeout=60)


def test_pickles_of_a_worker_that_is_trusted():
    with boxed(Sandbox.compute(), trust_pickle=True) as worker:
        assert worker.messenger.codec == "pickle"
        with pytest.raises(Odd):
            raise ask(worker, "object")
        worker.messenger.send_request(["raise"])
        with pytest.raises(Odd, match="inside"):
            worker.messenger.receive_blocking(timeout=60)


def test_an_end_of_a_pair_that_unpickles_is_refused():
    first, second = coproc.PriorityMessenger.new_pair()
    worker = boxed(Sandbox.compute())
    with pytest.raises(ValueError, match=r"'boxed' is in a sandbox.*codec='msgpack'.*trust_pickle"):
        worker.start(other=second)
    first, second = coproc.PriorityMessenger.new_pair(codec="msgpack")
    worker.start(other=second)
    assert ask(worker, "other") == "sent"
    assert first.receive_blocking(timeout=60) == "through the pair"
    worker.stop()


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
    for wrong in ({"cpu_time": 0}, {"priority": 20}, {"priority": -1}):
        with pytest.raises(ValueError):
            Limits(**wrong)
    with pytest.raises(TypeError):
        Limits(memory=-1)


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


# ---- limits ----


@each_method
def test_limits_hold_without_a_sandbox(method):
    limits = Limits(memory=400 << 20, cpu_time=1, priority=5)
    with coproc.WorkerResource(serve, method=method, limits=limits, name="limited") as worker:
        assert worker.messenger.codec == "pickle"
        assert ask(worker, "memory", 1 << 30) == "MemoryError"
        assert ask(worker, "open", "/etc/passwd") == "works"
        assert worker.confinement().limits == [
            f"memory: {400 << 20} bytes (RLIMIT_DATA)",
            "cpu_time: 1 s (RLIMIT_CPU)",
            "priority: 5 (nice)",
        ]
        worker.messenger.send_request(["spin"])
        assert worker.join(timeout=100).signal == signal.SIGXCPU


def test_a_limit_that_is_exceeded_already():
    worker = coproc.WorkerResource(serve, limits=Limits(memory=1 << 20), name="small")
    with pytest.raises(coproc.StartError, match=r"Limits\.memory is 1048576 bytes") as caught:
        worker.start()
    assert caught.value.stage == "sandbox"


def test_what_a_boxed_worker_can_lend_is_limited():
    with boxed(Sandbox.compute(), limits=Limits(memory=512 << 20)) as worker:
        with pytest.raises(coproc.LoanError, match=f"of the {512 << 20} that"):
            worker.messenger.empty((512 << 20) + 1, "u1")
    with boxed(Sandbox.compute()) as worker:
        with pytest.raises(coproc.LoanError, match=f"of the {256 << 20} that"):
            worker.messenger.empty((256 << 20) + 1, "u1")


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


# ---- pools ----


def ready():
    """As `init` of a pool, have this module imported before the box is closed: it is not the main module here."""


def half(number):
    return number / 2


def details(number):
    return {"number": number, "array": np.full(3, number), "large": b"x" * 300_000, "pid": os.getpid()}


def open_passwd(_):
    return attempt("open", "/etc/passwd")


def fail(number):
    raise Odd(number)


def make_payload(_):
    return Payload()


def raise_payload(_):
    raise Payload()


def end_by_tracing(_):
    ctypes.CDLL(None).ptrace(0, 0, 0, 0)


def fail_at_once():
    raise Odd("init")


@each_method
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
