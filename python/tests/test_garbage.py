"""Workers that are dropped: what they have is free at once, and the collector waits for none."""

import gc
import os
import signal
import time

import coproc
import pytest


def hold_out(messenger):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    messenger.send_norequest("ready")
    while True:
        time.sleep(100)


def echo(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


@pytest.mark.parametrize("kind", [coproc.WorkerResource, coproc.LegacyWorkerResource])
def test_a_stopped_worker_is_free_without_the_collector(no_collector, descriptors, kind):
    class Echo(coproc.BaseWorkerProcess):
        def __call__(self):
            echo(self.messenger)

    def use():
        with kind(echo if kind is coproc.WorkerResource else Echo, method="fork") as worker:
            worker.messenger.send_request(1)
            assert list(worker.messenger.receive_remaining()) == [1]

    use()
    before = descriptors()
    for _ in range(3):
        use()
    assert descriptors() == before


def test_the_collector_does_not_wait_for_a_worker():
    worker = coproc.WorkerResource(hold_out, stop=coproc.StopOptions(close=0.2, terminate=0.2))
    worker.start()
    assert worker.messenger.receive_blocking() == "ready"
    pid = worker.pid
    os.kill(pid, signal.SIGSTOP)  # until it is killed
    pidfd = os.pidfd_open(pid)
    worker.itself = worker
    del worker
    gc.collect()
    assert not os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # it has not ended yet
    os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)  # and does
    os.close(pidfd)
    coproc._core.wait_for_ending()
