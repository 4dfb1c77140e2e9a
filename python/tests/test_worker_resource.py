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


def wait_for_go(messenger):
    messenger.receive_blocking()


def echo_for_ever(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


def use_up_its_time(messenger):
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    while True:
        pass


def close_host(messenger):
    messenger.send_close_request()
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


def print_and_die(messenger):
    os.write(2, b"x" * 10_000 + b" from elsewhere")
    os._exit(7)


def test_its_environment(method):
    with WorkerResource(tell_environment, method=method, env={"COPROC_TEST_LEVEL": "3", "HOME": None}) as worker:
        is_new_program = worker.proc._popen.method != "fork"
        assert worker.messenger.receive_blocking() == ("3", None, "3" if is_new_program else None)
    assert "COPROC_TEST_LEVEL" not in os.environ and "HOME" in os.environ
    for env, error in (({"A": 1}, TypeError), ({"A=B": "1"}, ValueError), ({"": "1"}, ValueError)):
        with pytest.raises(error, match="env"):
            WorkerResource(echo, env=env)


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
