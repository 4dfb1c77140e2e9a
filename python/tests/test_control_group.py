"""Workers in a control group of their own: where they are, what ends them, and that no group is left."""

import mmap
import os
import pathlib
import signal
import sys

import coproc
import pytest
from coproc import Limits, Sandbox, StartError

METHODS = ("fork", "spawn", "forkserver")
MIB = 1 << 20
TOO_MUCH = 400  # MiB, beyond the limit of each test


def find_place():
    """Return the directory of this process's group in which groups with a limit on memory can be made, or None."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        place = pathlib.Path("/sys/fs/cgroup" + ("/memory" if controllers else "") + path)
        probe = place / f"coproc-probe-{os.getpid()}"
        try:
            probe.mkdir()
        except OSError:
            continue
        has_memory = any((probe / name).exists() for name in ("memory.max", "memory.limit_in_bytes"))
        probe.rmdir()
        if has_memory:
            return place
    return None


PLACE = find_place()
needs_groups = pytest.mark.skipif(PLACE is None, reason="no control group with a limit on memory can be made here")


def groups():
    return list(PLACE.glob(f"coproc-{os.getpid()}-*"))


def fill_shared(mebibytes):
    """Fill memory that is no process's own, so that no limit on that counts."""
    memory = mmap.mmap(-1, mebibytes * MIB)
    for at in range(0, mebibytes * MIB, 4096):
        memory[at] = 1


def serve(messenger):
    messenger.send_norequest(pathlib.Path("/proc/self/cgroup").read_text())
    fill_shared(messenger.receive_blocking())
    messenger.send_norequest("filled")


def confined(messenger):
    messenger.send_norequest("confined")
    fill_shared(messenger.receive_blocking())


def own_group(text):
    return f"/coproc-{os.getpid()}-" in text


@needs_groups
@pytest.mark.parametrize("method", METHODS)
def test_too_much_memory_ends_it_and_is_named(method):
    worker = coproc.WorkerResource(serve, method=method, limits=Limits(memory=300 * MIB), control_group=PLACE)
    for _ in range(2):
        worker.start()
        assert len(groups()) == 1
        assert own_group(worker.messenger.receive_blocking())
        assert "memory: 314572800 bytes of its control group (memory.max)" in worker.confinement().limits
        worker.messenger.send_norequest(TOO_MUCH)
        status = worker.join()
        assert status.signal == signal.SIGKILL
        assert status.limit in ("memory.max", "memory")
        assert groups() == []


@needs_groups
def test_without_limits_it_only_has_a_group():
    with coproc.WorkerResource(serve, control_group=os.fspath(PLACE)) as worker:
        assert own_group(worker.messenger.receive_blocking())
        assert worker.confinement().limits == []
        worker.messenger.send_norequest(1)
        assert worker.messenger.receive_blocking() == "filled"
    assert groups() == []


@needs_groups
@pytest.mark.parametrize("method", METHODS)
def test_in_a_sandbox(method):
    worker = coproc.WorkerResource(
        confined, method=method, sandbox=Sandbox.compute(), limits=Limits(memory=300 * MIB), control_group=PLACE
    )
    worker.start()
    assert worker.messenger.receive_blocking() == "confined"
    assert worker.confinement().filters_calls
    worker.messenger.send_norequest(TOO_MUCH)
    assert worker.join().limit in ("memory.max", "memory")
    assert groups() == []


@needs_groups
def test_each_restart_has_another_one():
    with coproc.Supervised(serve, restart={"pending": "drop"}, control_group=PLACE) as worker:
        first = worker.messenger.receive_blocking()
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(coproc.WorkerDiedError):
            worker.messenger.receive_blocking()
        second = worker.messenger.receive_blocking()
        assert own_group(first) and own_group(second) and first != second
        assert len(groups()) == 1
    assert groups() == []


def group_of_task(_):
    return pathlib.Path("/proc/self/cgroup").read_text()


@needs_groups
def test_each_worker_of_a_pool_has_one():
    with coproc.Pool(2, control_group=PLACE) as pool:
        found = pool.map(group_of_task, range(50), chunksize=1)
        assert all(map(own_group, found))
        assert len(groups()) == 2
    assert groups() == []


@needs_groups
def test_another_program_has_one():
    script = "import coproc, pathlib; coproc.run_worker(lambda host: host.send_norequest(" \
             "pathlib.Path('/proc/self/cgroup').read_text()))"  # fmt: skip
    path = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    worker = coproc.ProgramResource(
        sys.executable, ["-c", script], env={"PYTHONPATH": path}, start_timeout=60, control_group=PLACE
    )
    worker.start()
    assert own_group(worker.messenger.receive_blocking())
    worker.join()
    assert groups() == []


@pytest.mark.parametrize("method", METHODS)
def test_what_is_none_is_refused_and_leaves_nothing(method, tmp_path):
    worker = coproc.WorkerResource(serve, method=method, control_group=tmp_path / "none")
    with pytest.raises(StartError, match="No such file or directory") as caught:
        worker.start()
    assert caught.value.stage == "sandbox"
    with pytest.raises(StartError, match="could not enter the control group") as caught:
        coproc.WorkerResource(serve, method=method, control_group=tmp_path).start()
    assert caught.value.stage == "sandbox"
    with pytest.raises(
        StartError, match="not be started: control_group: a group in .* has no controller for Limits.memory"
    ):
        coproc.WorkerResource(serve, method=method, limits=Limits(memory=300 * MIB), control_group=tmp_path).start()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_path_is_refused_at_the_door():
    with pytest.raises(TypeError, match="control_group: the path of a directory or None, not 7"):
        coproc.WorkerResource(serve, control_group=7)
    there = coproc.Machine(coproc.command(["env"]))
    with pytest.raises(ValueError, match="control_group is one of this machine"):
        coproc.WorkerResource(serve, machine=there, control_group="/sys/fs/cgroup")
