"""What a worker costs its host of the usual 1,024 descriptors, and what multiprocessing's own objects still tell."""

import multiprocessing
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import wait

import coproc
import pytest


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def say_that_it_is_there(messenger):
    messenger.send_norequest(multiprocessing.parent_process().is_alive())
    messenger.receive_blocking()


def make_this_thread_sleep(messenger):
    with pytest.raises(TimeoutError):
        messenger.receive_blocking(timeout=0.05)


def start(method):
    worker = coproc.WorkerResource(say_that_it_is_there, method=method)
    worker.start()
    assert worker.messenger.receive_blocking() is True
    return worker


def test_a_worker_takes_four_descriptors_of_its_host(method):
    first = start(method)  # with what the host needs once: a fork server, and
    make_this_thread_sleep(first.messenger)  # the event of its thread
    before = open_descriptors()
    workers = [start(method) for _ in range(5)]
    # The fork server of multiprocessing tells by a pipe with which code a process has ended.
    assert open_descriptors() - before == 5 * (5 if method == "forkserver" else 4)
    for worker in [first, *workers]:
        worker.stop()


def test_a_pool_takes_four_descriptors_for_each_worker():
    with coproc.Pool(1) as pool:
        assert pool.map(time.sleep, [0.05]) == [None]  # so this thread sleeps, and has its event
        before = open_descriptors()
        with coproc.Pool(6) as other:
            assert other.map(abs, range(-20, 0)) == list(range(20, 0, -1))
            assert open_descriptors() - before <= 6 * 4 + 4


PROGRAM = """
import coproc
if __name__ == "__main__":
    with coproc.Pool(200) as pool:
        print(sum(pool.map(abs, range(-1000, 0), chunksize=1)))
"""


def test_two_hundred_workers_fit_the_usual_limit():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], preexec_fn=limit, capture_output=True, text=True, timeout=200
    )
    assert done.stdout == "500500\n", done.stderr


def test_the_sentinel_of_its_process_tells_its_end(method):
    worker = start(method)
    sentinel = worker.proc.sentinel
    assert wait([sentinel], 0) == [] and worker.proc.is_alive()
    worker.messenger.send_norequest("end")
    assert wait([sentinel]) == [sentinel]
    assert select.select([sentinel], [], [], 0)[0] == [sentinel]
    worker.join()
    assert worker.proc.exitcode == 0
    worker.start()  # another process, which says nothing of the first
    worker.messenger.receive_blocking()
    assert wait([worker.proc.sentinel], 0) == []
    if method != "forkserver":
        assert wait([sentinel], 0) == [sentinel]
    os.kill(worker.pid, signal.SIGKILL)
    worker.proc.join()
    assert worker.proc.exitcode == -signal.SIGKILL
    worker.stop()
    worker.proc.close()


def test_a_sentinel_that_is_first_asked_for_after_the_end_tells_it():
    worker = start("fork")
    proc = worker.proc
    worker.stop()
    assert wait([proc.sentinel], 0) == [proc.sentinel]
    assert wait([proc.sentinel], 0) == [proc.sentinel]


HOST = """
import multiprocessing, os, signal, sys, time
import coproc

def wait_for_the_host(messenger, path):
    signal.signal(signal.SIGCONT, signal.SIG_IGN)  # the lifeline's: it shall not end in the middle of this
    messenger.send_norequest("here")
    host = multiprocessing.parent_process()
    host.join()
    with open(path, "w") as file:
        file.write(str(host.is_alive()))
    os.rename(path, path + ".done")

if __name__ == "__main__":
    worker = coproc.WorkerResource(wait_for_the_host, method=sys.argv[2])
    worker.start(path=sys.argv[1])
    worker.messenger.receive_blocking()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_sees_the_end_of_its_host_by_parent_process(method, tmp_path):
    program, path = tmp_path / "host.py", tmp_path / "seen"
    program.write_text(HOST)
    # A host that is killed leaves the directory of multiprocessing's fork server behind, which holds a socket: its path
    # must be short.
    with tempfile.TemporaryDirectory() as directory:
        host = subprocess.run(
            [sys.executable, program, path, method], timeout=200, env={**os.environ, "TMPDIR": directory}
        )
    assert host.returncode == -signal.SIGKILL
    done = tmp_path / "seen.done"
    while not done.exists():
        time.sleep(0.01)
    assert done.read_text() == "False"
