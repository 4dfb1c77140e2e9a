"""Pools with a thread of their own: tasks go on although nobody waits for them."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import coproc
import pytest
from coproc import Pool
from tasks import die_on, fail_on, pid_of, square, wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


def mark(path, text):
    with open(path, "a") as file:
        file.write(text)


@pytest.fixture
def pool():
    with Pool(2, background=True) as made:
        yield made


def test_tasks_that_nobody_waits_for_are_run(pool, tmp_path):
    path = tmp_path / "marks"
    for _ in range(100):
        pool.submit(mark, path, "x")
    wait_until(lambda: path.exists() and len(path.read_text()) == 100)


def test_callbacks_are_called_by_its_thread(pool):
    called = threading.Event()
    by = []

    def note(task):
        by.append((threading.get_ident(), task.result()))
        called.set()

    task = pool.submit(time.sleep, 0.05)
    task.add_done_callback(note)
    assert called.wait(60)
    assert by[0][0] != threading.get_ident()
    assert by[0][1] is None


def test_a_callback_is_called_although_nobody_reads_the_results_of_other_tasks():
    """Unread results are bounded: beyond the bound only tasks begin for which somebody waits."""
    link = coproc.LinkOptions(ring_bytes=1 << 16, max_queued_bytes=200_000)
    with Pool(2, background=True, link=link) as pool:
        tasks = [pool.submit(bytes, 50_000) for _ in range(50)]
        wait_until(lambda: sum(task.done() for task in tasks) >= 3)  # whichever a worker had first
        called = threading.Event()
        tasks[-1].add_done_callback(lambda _: called.set())
        assert called.wait(60)
        assert tasks[-1].result() == bytes(50_000)


def test_everything_else_is_as_without_it(pool):
    assert pool.map(square, range(1000)) == [x * x for x in range(1000)]
    with pytest.raises(ValueError, match="bad 7"):
        pool.map(fail_on([7]), range(100))
    with pytest.raises(coproc.WorkerDiedError):
        pool.map(die_on(50), range(100))
    pool.stop()
    assert pool.map(square, range(3)) == [0, 1, 4]
    assert pool.pending() == 0


def test_workers_that_die_are_replaced_although_nobody_waits(pool, tmp_path):
    path = tmp_path / "marks"
    for number in range(10):
        pool.submit(os._exit if number % 3 == 0 else square, number)
    pool.submit(mark, path, "x")
    wait_until(path.exists)


def test_a_program_ends_that_has_one():
    program = """
        import coproc, time
        pool = coproc.Pool(2, background=True)
        pool.submit(print, "in a worker").result()
        tasks = [pool.submit(time.sleep, 60) for _ in range(10)]
        print("in the host")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split("\n")) == ["", "in a worker", "in the host"]


def test_one_that_is_dropped_ends_its_workers():
    pool = Pool(2, background=True)
    pids = set(pool.map(pid_of, range(10)))
    del pool
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
