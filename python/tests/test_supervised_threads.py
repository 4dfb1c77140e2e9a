"""Supervised workers, Ctrl-C, signals and threads: who waits for a backoff, and who ends it."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import coproc
import pytest
from coproc import Supervised, WorkerDiedError
from supervised import AT_ONCE, MUCH_LATER, is_running, kill, restart, tenfold


@pytest.fixture
def waiting():
    """A worker that has ended, and is not started again for a long time."""
    with Supervised(tenfold, method="fork", restart=MUCH_LATER) as worker:
        kill(worker)
        yield worker


def outcome_of(call):
    """Run the call in a thread. Return the thread, and a list which then has what it has raised or returned."""
    found = []

    def run():
        try:
            found.append(call())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def wait_until_it_waits(messenger):
    """Return when another thread waits in the messenger: one more would be refused."""
    while True:
        try:
            messenger.receive_blocking("nothing", timeout=0)
        except coproc.ConcurrentUseError:
            return
        except TimeoutError:
            time.sleep(0.001)


def test_ctrl_c_ends_the_wait_for_a_backoff():
    program = """
        import threading, time
        import coproc
        from supervised import MUCH_LATER, kill, tenfold

        worker = coproc.Supervised(tenfold, method="fork", restart=MUCH_LATER)
        worker.start()
        kill(worker)

        def say_when_it_waits():
            while True:
                try:
                    worker.messenger.receive_blocking("nothing", timeout=0)
                except coproc.ConcurrentUseError:
                    return print("waiting", flush=True)
                except TimeoutError:
                    time.sleep(0.001)

        threading.Thread(target=say_when_it_waits).start()
        try:
            worker.messenger.receive_blocking()
        except KeyboardInterrupt:
            print("interrupted", worker.history(), worker.is_alive(), flush=True)
        worker.stop()
        try:
            worker.messenger.receive_blocking()
        except coproc.WorkerDiedError:
            print("final")
    """
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), os.environ["PYTHONPATH"]])},
    )  # fmt: skip
    assert started.stdout.readline() == "waiting\n"
    started.send_signal(signal.SIGINT)
    assert started.stdout.readline() == "interrupted [] False\n"
    assert started.stdout.read() == "final\n"
    assert started.wait() == 0
    started.stdout.close()


def test_stop_of_another_thread_ends_the_wait_for_a_backoff(waiting):
    called = []
    waiting.restart_options.on_restart = called.append
    thread, found = outcome_of(waiting.messenger.receive_blocking)
    wait_until_it_waits(waiting.messenger)
    waiting.stop()
    thread.join()
    assert isinstance(found[0], WorkerDiedError)
    assert called == [] and waiting.history() == [] and not waiting.is_alive()


def test_interrupt_ends_the_wait_for_a_backoff_and_loses_nothing(waiting):
    thread, found = outcome_of(waiting.messenger.receive_blocking)
    wait_until_it_waits(waiting.messenger)
    waiting.messenger.interrupt()
    thread.join()
    assert isinstance(found[0], InterruptedError)
    assert waiting.messenger.remaining() == 0


def test_others_get_their_turn_while_a_thread_waits_for_a_backoff(waiting):
    thread, found = outcome_of(waiting.messenger.receive_blocking)
    wait_until_it_waits(waiting.messenger)
    assert waiting.messenger.try_send(1) is False
    with pytest.raises(TimeoutError):
        waiting.messenger.send_norequest(1, timeout=0.05)
    assert waiting.messenger.queue_size() == 0 and waiting.messenger.request_ctr.requests == {}
    waiting.stop()
    thread.join()
    assert isinstance(found[0], WorkerDiedError)


def test_other_python_code_runs_during_a_backoff(waiting):
    thread, _ = outcome_of(lambda: waiting.messenger.receive_blocking(timeout=0.3))
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 10


def test_threads_that_send_and_interrupt_while_a_worker_is_started_again_and_again():
    """They may not touch a link that is being replaced."""
    with Supervised(tenfold, method="forkserver", restart={**AT_ONCE, "most": 100_000}) as worker:
        over = threading.Event()
        errors = []

        def send():
            while not over.is_set():
                try:
                    worker.messenger.try_send(1)
                    worker.messenger.queue_size()
                    assert worker.messenger.close_requested in (False, True)
                except (WorkerDiedError, InterruptedError):
                    pass
                except BaseException as error:
                    errors.append(error)
                    return

        def interrupt():
            while not over.is_set():
                worker.messenger.interrupt()
                time.sleep(0.002)

        threads = [threading.Thread(target=each) for each in (send, send, interrupt)]
        for thread in threads:
            thread.start()
        for _ in range(30):
            number = sum(each.number for each in worker.history()[-1:])
            worker.kill()  # whoever finds it dead starts the next one
            while sum(each.number for each in worker.history()[-1:]) == number:
                try:
                    worker.messenger.receive_blocking(timeout=1)
                except (WorkerDiedError, InterruptedError, TimeoutError):
                    pass
        over.set()
        for thread in threads:
            thread.join()
        assert errors == []


def test_what_a_thread_waits_for_may_come_while_on_restart_is_first():
    order = []

    def configure(_):
        order.append("configure")
        while sender.is_alive() and not order.count("asks"):
            time.sleep(0.001)
        order.append(worker.messenger.call(1, timeout=60))

    def send():
        wait_until(lambda: "configure" in order)
        order.append("asks")
        worker.messenger.send_norequest(1)
        order.append("sent")

    with Supervised(tenfold, method="forkserver", restart={**AT_ONCE, "on_restart": configure}) as worker:
        sender = threading.Thread(target=send)
        sender.start()
        restart(worker)
        sender.join()
    assert order == ["configure", "asks", 10, "sent"]


def wait_until(is_reached):
    while not is_reached():
        time.sleep(0.001)


def test_stop_within_on_restart():
    with Supervised(tenfold, restart={**AT_ONCE, "on_restart": lambda _: worker.stop()}) as worker:
        restart(worker)
        assert not worker.is_alive()
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_blocking()
        assert len(worker.history()) == 1


def test_stop_of_a_signal_handler_within_a_restart():
    class Stopped(Supervised):
        def _start_process(self, kwargs):
            super()._start_process(kwargs)
            if self._is_restarting:
                signal.raise_signal(signal.SIGUSR1)

    usual = signal.signal(signal.SIGUSR1, lambda *_: worker.stop())
    try:
        worker = Stopped(tenfold, method="fork", restart=AT_ONCE)
        worker.start()
        kill(worker)
        for _ in range(2):
            with pytest.raises(coproc.WorkerIsDeadError):
                worker.messenger.receive_blocking()
        assert not worker.is_alive()
        worker.start()
        assert worker.messenger.call(1) == 10
        worker.stop()
    finally:
        signal.signal(signal.SIGUSR1, usual)


def test_one_that_is_garbage_is_stopped_and_not_started_again():
    worker = Supervised(tenfold, restart=AT_ONCE)
    worker.restart_options.on_restart = lambda _: worker.messenger.call(1)  # refers to the worker
    worker.start()
    restart(worker)
    messenger, pid = worker.messenger, worker.pid
    os.kill(pid, signal.SIGKILL)
    del worker
    gc.collect()
    wait_until(lambda: not is_running(pid))
    for _ in range(2):
        with pytest.raises(WorkerDiedError):
            messenger.receive_blocking()
    assert multiprocessing.active_children() == []


def test_one_that_is_dropped_is_stopped_at_once(no_collector):
    worker = Supervised(tenfold, restart=AT_ONCE)
    worker.start()
    restart(worker)
    pid = worker.pid
    del worker
    assert not is_running(pid)


def test_in_a_fork_of_the_host_it_belongs_to_the_host():
    with Supervised(tenfold, method="fork", restart=AT_ONCE) as worker:
        restart(worker)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                worker.messenger.send_norequest(1)
            except coproc.NotOwnerError:
                try:
                    worker.stop()
                except coproc.NotOwnerError:
                    code = 0
            os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        assert worker.messenger.call(4) == 40
        restart(worker)
        assert worker.messenger.call(4) == 40


def test_the_end_of_the_program_ends_it_although_a_thread_drives():
    program = """
        import threading, time
        import coproc
        from supervised import AT_ONCE, tenfold

        worker = coproc.Supervised(tenfold, method="forkserver", restart={**AT_ONCE, "most": 100_000})
        worker.start()
        def drive():
            while True:
                worker.kill()
                try:
                    worker.messenger.receive_blocking()
                except coproc.WorkerDiedError:
                    if not worker.is_alive():
                        return  # it is final
        threading.Thread(target=drive, daemon=True).start()
        while len(worker.history()) < 5:
            time.sleep(0.001)
        print(worker.pid)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), os.environ["PYTHONPATH"]])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
