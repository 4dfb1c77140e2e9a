"""How workers end, and what their host is told of it."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import coproc
import pytest
from coproc import WorkerResource


def echo_for_ever(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


def wait_for_go(messenger):
    messenger.receive_blocking()


def return_at_once(messenger):
    pass


def exit_with(messenger, code):
    sys.exit(code)


def fail(messenger):
    raise ValueError("no such thing")


def kill_itself(messenger):
    messenger.send_norequest("last words")
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_on(messenger):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    messenger.send_norequest("ready")
    while True:
        time.sleep(100)


def use_up_its_time(messenger):
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    while True:
        pass


def close_host(messenger):
    messenger.send_close_request()
    messenger.receive_blocking()


def print_and_die(messenger):
    os.write(2, b"x" * 10_000 + b" from elsewhere")
    os._exit(7)


def test_its_stderr_is_kept(method, capfd):
    worker = WorkerResource(print_and_die, method=method, capture_stderr=True)
    for _ in range(2):
        worker.start()
        status = worker.join()
        assert status.code == 7 and len(status.stderr_tail) == 4096
        assert status.stderr_tail.endswith("xxx from elsewhere")
    assert capfd.readouterr().err == ""
    with pytest.raises(coproc.WorkerDiedError) as caught:
        worker.messenger.receive_blocking()
    assert caught.value.exit_status.stderr_tail == status.stderr_tail


def test_exit_codes(method):
    worker = WorkerResource(return_at_once, method=method)
    worker.start()
    assert worker.join().code == 0
    worker = WorkerResource(exit_with, method=method)
    worker.start(code=7)
    assert worker.join().code == 7
    assert worker.proc.exitcode == 7


def test_an_exception_that_leaves_the_target_reaches_the_host(method):
    worker = WorkerResource(fail, method=method)
    worker.start()
    with pytest.raises(ValueError, match="no such thing") as caught:
        worker.messenger.receive_blocking()
    assert "in fail" in str(caught.value.__cause__)
    status = worker.join()
    assert status.code == 1
    assert status.exception_text == "ValueError: no such thing"
    with pytest.raises(coproc.WorkerDiedError) as died:
        worker.messenger.receive_blocking()
    for told in (str(died.value), status.describe(), status.report(), repr(status)):
        assert "ValueError: no such thing" in told and "::" not in told and "()." not in told
    assert "the report() of its exit_status" in str(died.value)


def test_death_is_told_after_all_that_was_sent(method):
    worker = WorkerResource(kill_itself, method=method, name="brief")
    worker.start()
    worker.messenger.send_request("?")
    assert worker.messenger.receive_blocking() == "last words"
    with pytest.raises(coproc.WorkerDiedError, match="brief") as caught:
        worker.messenger.receive_blocking()
    assert caught.value.pid == worker.pid
    assert caught.value.name == "brief"
    assert caught.value.exit_status.signal == signal.SIGKILL
    assert len(caught.value.exit_status.unanswered) == 1
    assert isinstance(caught.value, coproc.WorkerIsDeadError) and isinstance(caught.value, RuntimeError)
    with pytest.raises(coproc.WorkerDiedError):
        worker.messenger.send_norequest("more")
    assert not worker.is_alive()
    worker.join()


def test_a_worker_that_does_not_want_to_is_killed():
    worker = WorkerResource(sleep_on)
    worker.start()
    assert worker.messenger.receive_blocking() == "ready"
    status = worker.stop(close=0.05, terminate=0.05)
    assert status.signal == signal.SIGKILL and status.stopped_by == "kill"


def test_terminate_and_join(method):
    worker = WorkerResource(wait_for_go, method=method)
    worker.start()
    assert worker.join(timeout=0.01) is None
    worker.terminate()
    assert worker.join().signal == signal.SIGTERM
    worker.start()
    worker.messenger.send_norequest("go")
    assert worker.join(timeout=100).success


def test_what_is_sent_to_a_whole_group_is_left_to_the_host(method):
    worker = WorkerResource(echo_for_ever, method=method)
    worker.start()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        worker.messenger.send_request(int(number))
        assert worker.messenger.receive_blocking() == number  # its target runs
        subprocess.run(["sh", "-c", f"kill -{int(number)} {worker.pid}"], check=True)  # somebody else
    worker.messenger.send_request("still there?")
    assert worker.messenger.receive_blocking() == "still there?"
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.join().signal == signal.SIGTERM


def test_a_limit_on_processor_time_is_named():
    worker = WorkerResource(use_up_its_time)
    worker.start()
    status = worker.join()
    assert status.signal == signal.SIGKILL and status.limit == "RLIMIT_CPU" and "RLIMIT_CPU" in status.describe()


def test_a_worker_may_ask_its_host_to_close():
    with WorkerResource(close_host) as worker:
        with pytest.raises(coproc.ResourceRequestedClose):
            worker.messenger.receive_blocking()


def test_it_was_reaped_by_multiprocessing_already():
    worker = WorkerResource(exit_with)
    worker.start(code=5)
    worker.proc.join()
    assert worker.join().code == 5


def test_threads_may_see_its_end_at_the_same_time(method):
    for _ in range(10):
        worker = WorkerResource(kill_itself, method=method)
        worker.start()
        seen = []

        def watch():
            while worker.is_alive():
                pass
            seen.append(worker.exit_status.signal)

        threads = [threading.Thread(target=watch) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert worker.messenger.receive_blocking() == "last words"
        with pytest.raises(coproc.WorkerDiedError) as died:
            worker.messenger.receive_blocking()
        for thread in threads:
            thread.join()
        assert [died.value.exit_status.signal, *seen] == [signal.SIGKILL] * 3


def leave_a_thread_waiting(messenger):
    def wait():
        try:
            messenger.receive_blocking("never", timeout=60)
        except BaseException:
            pass

    for _ in range(2):
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.1)


def test_a_target_may_return_while_its_threads_wait(method):
    worker = WorkerResource(leave_a_thread_waiting, method=method)
    worker.start()
    assert worker.join(timeout=60).code == 0
