"""Limits of workers, with a box and without one."""

import signal

import coproc
import pytest
from boxed import ask, boxed, serve
from coproc import Limits, Sandbox


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
