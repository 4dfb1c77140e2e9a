"""Programs of their own: how they end, with their workers."""

import os
import signal
import subprocess
import sys
import textwrap


def run_script(script, **options):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, **options)


def test_the_end_of_the_program_stops_workers_that_are_left():
    done = run_script(
        """
        import coproc
        def work(messenger):
            try:
                messenger.receive_blocking()
            finally:
                print("cleaned up", flush=True)
        worker = coproc.WorkerResource(work)
        worker.start()
        print(worker.pid, flush=True)
        """
    )
    assert done.returncode == 0, done.stderr
    pid, text = done.stdout.split("\n", 1)
    assert text == "cleaned up\n"
    assert not os.path.exists(f"/proc/{pid}")


def test_the_end_of_the_program_does_not_wait_for_threads_that_wait():
    done = run_script(
        """
        import coproc, threading, time
        def work(messenger):
            messenger.receive_blocking()
        workers = [coproc.WorkerResource(work) for _ in range(3)]
        for worker in workers:
            worker.start()
        pairs = [coproc.PriorityMessenger.new_pair() for _ in range(3)]
        waits = [worker.messenger.receive_blocking for worker in workers] + [a.receive_blocking for a, b in pairs]
        for wait in waits:
            threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.05)
        """
    )
    # The end of its worker is raised in a thread, and is shown by Python or not.
    assert done.returncode == 0, done.stderr


def test_a_subinterpreter_is_refused():
    done = run_script(
        """
        import _xxsubinterpreters as interpreters
        interpreter = interpreters.create()
        try:
            interpreters.run_string(interpreter, "import coproc")
        except interpreters.RunFailedError as error:
            print(error)
        """
    )
    assert "subinterpreter" in done.stdout, done.stderr


def test_a_worker_of_a_worker_ends_with_it():
    done = run_script(
        """
        import coproc
        def inner(messenger):
            messenger.receive_blocking()
        def outer(messenger):
            worker = coproc.WorkerResource(inner)
            worker.start()
            messenger.send_norequest(worker.pid)
        with coproc.WorkerResource(outer) as worker:
            print(worker.messenger.receive_blocking())
            worker.join()
        """
    )
    assert done.returncode == 0, done.stderr
    assert not os.path.exists(f"/proc/{done.stdout.strip()}")


def test_workers_end_with_a_host_that_is_killed():
    read_end, write_end = os.pipe()
    done = run_script(
        f"""
        import coproc, os, signal, time
        def work(messenger):
            while True:
                time.sleep(100)
        worker = coproc.WorkerResource(work)
        worker.start()
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        pass_fds=[write_end],
    )
    os.close(write_end)
    assert done.returncode == -signal.SIGKILL
    assert os.read(read_end, 1) == b""  # the worker had the other copy of it
    os.close(read_end)
