"""WorkerResource: its targets, its starts and their options, and the waits of its host."""

import os
import signal
import threading
import time

import coproc
import pytest
from coproc import WorkerResource


def echo(messenger, prefix=""):
    while True:
        data = messenger.receive_blocking()
        messenger.send_reply(prefix + data if prefix else data)


class Adder:
    """A class target: constructed in the worker."""

    def __init__(self, messenger, start):
        self.messenger = messenger
        self.sum = start
        self.pid = os.getpid()

    def __call__(self):
        assert self.pid == os.getpid()
        while True:
            self.sum += self.messenger.receive_blocking()
            self.messenger.send_reply((self.sum, self.pid))


class Stateful:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, messenger):
        while True:
            messenger.send_reply(messenger.receive_blocking() * self.factor)


def return_at_once(messenger):
    pass


def sleep_on(messenger):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    messenger.send_norequest("ready")
    while True:
        time.sleep(100)


def wait_for_go(messenger):
    messenger.receive_blocking()


def test_a_target_is_started_talked_to_and_stopped(method):
    worker = WorkerResource(echo, method=method)
    assert not worker.is_alive()
    worker.start(prefix="> ")
    assert worker.is_alive()
    worker.messenger.send_request("hello")
    assert worker.messenger.receive_blocking() == "> hello"
    assert worker.proc.pid == worker.pid != os.getpid()
    status = worker.stop()
    assert status.success and status.code == 0 and status.stopped_by == "close_request"
    assert not worker.is_alive()
    assert worker.exit_status.describe() == status.describe()
    assert worker.proc.exitcode == 0


def test_a_class_and_an_object_are_targets_too(method):
    with_class = WorkerResource(Adder, method=method)
    with_class.start(start=10)
    with_class.messenger.send_request(5)
    assert with_class.messenger.receive_blocking() == (15, with_class.pid)
    with_class.stop()
    with WorkerResource(Stateful(3), method=method) as worker:
        worker.messenger.send_request(5)
        assert worker.messenger.receive_blocking() == 15


def test_a_closure_is_a_target(method):
    factor = 7

    def multiply(messenger):
        messenger.send_norequest(messenger.receive_blocking() * factor)

    with WorkerResource(multiply, method=method) as worker:
        worker.messenger.send_norequest(6)
        assert worker.messenger.receive_blocking() == 42


def test_it_can_be_started_again_with_the_same_messenger(method):
    worker = WorkerResource(echo, method=method)
    pids = set()
    for _ in range(3):
        worker.start()
        messenger = worker.messenger
        messenger.send_request(1)
        assert messenger.receive_blocking() == 1
        pids.add(worker.pid)
        worker.stop()
        assert worker.messenger is messenger
    assert len(pids) == 3


def test_misuse_is_an_error_of_its_own():
    worker = WorkerResource(echo)
    for use in (worker.stop, worker.join, worker.terminate, worker.kill):
        with pytest.raises(coproc.WorkerIsAlreadyDeadError, match="never started"):
            use()
    with pytest.raises(coproc.WorkerIsDeadError):
        worker.messenger
    with pytest.raises(coproc.WorkerIsDeadError):
        worker.pid
    assert worker.exit_status is None
    with worker:
        with pytest.raises(coproc.WorkerIsAlreadyAliveError, match="is alive"):
            worker.start()
        with pytest.raises(TypeError):
            worker.messenger.receive_blocking(timeout="soon")
    # On one that has ended they do nothing.
    worker.stop()
    worker.join()
    worker.terminate(check_alive=False)
    worker.kill()
    with pytest.raises(coproc.WorkerIsAlreadyDeadError, match="has ended"):
        worker.terminate()
    with pytest.raises(ValueError):
        WorkerResource(echo, method="by magic")
    with pytest.raises(ValueError, match="ring_bytes"):
        WorkerResource(echo, link=coproc.LinkOptions(ring_bytes=5000)).start()
    with pytest.raises(TypeError, match="timeout=0.3"):
        worker.join(0.3)
    for options in ({"messenger_type": int}, {"stop": 3}, {"link": {}}):
        with pytest.raises(TypeError, match=next(iter(options))):
            WorkerResource(echo, **options)
        with pytest.raises(TypeError, match=next(iter(options))):
            coproc.ProgramResource("/bin/true", **options)


def test_its_process_may_be_closed():
    worker = WorkerResource(return_at_once)
    for _ in range(2):
        worker.start()
        assert worker.join().code == 0
        worker.proc.close()
        assert worker.stop().code == 0


def test_what_cannot_be_pickled_is_no_start_argument_and_leaves_nothing():
    worker = WorkerResource(echo, method="spawn")
    with pytest.raises(TypeError):
        worker.start(prefix=threading.Lock())
    assert not worker.is_alive()
    worker.start(prefix="x")
    worker.stop()


#: What this module found when it was imported, which a new program does in the worker.
_AT_IMPORT = os.environ.get("COPROC_TEST_LEVEL")


def tell_environment(messenger):
    messenger.send_norequest((os.environ.get("COPROC_TEST_LEVEL"), os.environ.get("HOME"), _AT_IMPORT))


def test_its_environment(method):
    with WorkerResource(tell_environment, method=method, env={"COPROC_TEST_LEVEL": "3", "HOME": None}) as worker:
        is_new_program = worker.proc._popen.method != "fork"
        assert worker.messenger.receive_blocking() == ("3", None, "3" if is_new_program else None)
    assert "COPROC_TEST_LEVEL" not in os.environ and "HOME" in os.environ
    for env, error in (({"A": 1}, TypeError), ({"A=B": "1"}, ValueError), ({"": "1"}, ValueError)):
        with pytest.raises(error, match="env"):
            WorkerResource(echo, env=env)


def test_ctrl_c_ends_every_wait_and_not_the_worker(method):
    worker = WorkerResource(echo, method=method)
    worker.start()
    if method == "forkserver":
        worker.messenger.send_request("up")  # a process that is still starting has no handler yet
        assert worker.messenger.receive_blocking() == "up"
    else:
        os.kill(worker.pid, signal.SIGINT)

    def wait_any():
        coproc.wait_any([worker.messenger])

    for wait in (worker.messenger.receive_blocking, worker.messenger.receive_message_blocking, worker.join, wait_any):
        alarm = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            alarm.start()
            wait()
        alarm.join()
    os.kill(worker.pid, signal.SIGINT)
    worker.messenger.send_request("alive")
    assert worker.messenger.receive_blocking() == "alive"
    assert worker.stop().code == 0


def test_ctrl_c_ends_a_send_that_waits_for_space():
    with WorkerResource(sleep_on) as worker:
        alarm = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            alarm.start()
            while True:
                worker.messenger.send_norequest("x" * 1000)
        alarm.join()
        worker.kill()


def test_waiting_lets_other_threads_run():
    with WorkerResource(wait_for_go) as worker:
        threading.Timer(0.05, lambda: worker.messenger.interrupt()).start()
        with pytest.raises(InterruptedError):
            worker.messenger.receive_blocking()


def test_threads_use_different_messengers_at_the_same_time():
    workers = [WorkerResource(echo) for _ in range(4)]
    for worker in workers:
        worker.start()
    failures = []

    def talk(worker):
        for i in range(500):
            worker.messenger.send_request(i)
            if worker.messenger.receive_blocking() != i:
                failures.append(i)

    threads = [threading.Thread(target=talk, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.stop()
    assert not failures


def test_the_repr_shows_what_it_is():
    worker = WorkerResource(echo)
    assert repr(worker) == (
        f"WorkerResource(target={echo!r}, messenger_type={coproc.PriorityMessenger!r}, "
        "method=None, _proc=None, _messenger=None)"
    )
    assert repr(coproc.PriorityMessenger) == "<class 'coproc.messenger.prioritymessenger.PriorityMessenger'>"
    assert repr(WorkerResource) == "<class 'coproc.worker_resource.worker_resource.WorkerResource'>"
