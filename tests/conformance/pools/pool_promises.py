"""The scenarios of CMakeLists.txt with the Python pool. Each one returns what has happened."""

import ctypes
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings

import coproc
from coproc import Pool

DIRECTORY = pathlib.Path(tempfile.mkdtemp(prefix="coproc-promise-"))
FIVE = [0, 1, 2, 3, 4]

# ---- marks: files, through which tasks and this program tell each other how far they are ----


def leave(path):
    with open(path, "a") as file:
        file.write("x")


def count(path):
    return path.stat().st_size if path.exists() else 0


def wait_for(is_reached):
    while not is_reached():
        time.sleep(0.001)


# ---- tasks ----


def square(x):
    return x * x


def same(x):
    return x


def fail_at_2(x):
    if x == 2:
        raise RuntimeError("bad 2")
    return x


def sleep_for_ever(_=None):
    while True:
        signal.pause()


def hang_at_2(x):
    return sleep_for_ever() if x == 2 else x


def mark_and_hang(path):
    leave(path)
    sleep_for_ever()


def mark_and_wait(path, until):
    leave(path)
    wait_for(lambda: count(until))
    return 9


def close_all():
    os.closerange(3, 1 << 16)
    sleep_for_ever()


def die_at_2(path, once):
    """Leaves a mark and dies at 2, unless there was a mark already and it is to live then."""

    def run(x):
        if x == 2:
            leave(path)
            if not once or count(path) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
        return x

    return run


PR_SET_PTRACER, PTRACE_SEIZE = 0x59616D61, 0x4206


def be_traced(began, release):
    """The worker's child traces it: SIGKILL ends it then, but nobody can reap it while the tracer lives."""
    libc = ctypes.CDLL(None)
    worker = os.getpid()
    libc.prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    if os.fork() == 0:
        os.setsid()
        if libc.ptrace(PTRACE_SEIZE, worker, None, None) != 0:
            leave(release)
        leave(began)
        wait_for(lambda: count(release))
        os._exit(0)
    sleep_for_ever()


class Unencodable:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        if self.value == 1:
            raise RuntimeError("not encoded")
        return Unencodable, (self.value,)

    def __str__(self):
        return str(self.value)


class Undecodable:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return make_or_fail, (self.value,)

    def __str__(self):
        return str(self.value)


def make_or_fail(value):
    if value == 1:
        raise RuntimeError("not decoded")
    return Undecodable(value)


def value_of(given):
    return given.value


# ---- what has happened ----


def outcome(get):
    try:
        return str(get())
    except coproc.TaskTimeoutError:
        return "[timed out]"
    except coproc.TaskCancelledError:
        return "[cancelled]"
    except coproc.MessageTooLargeError:
        return "[too large]"
    except coproc.PoolBrokenError as error:
        return "[broken: no database]" if "no database" in str(error) else f"[broken: {error}]"
    except coproc.WorkerDiedError:
        return "[died]"
    except coproc.ProtocolError:
        return "[failed]"
    except Exception as error:
        return f"[error: {error}]"


def outcomes(results):
    texts = []
    while not texts or texts[-1] != "the end":
        texts.append(outcome(lambda: next(results, "the end")))
    return " ".join(texts[:-1])


def replaced(pool):
    return f"{sum(worker.starts for worker in pool.insights()) - len(pool)} replaced"


def square_of_3(pool):
    return outcome(pool.submit(square, 3).result)


# ---- the scenarios ----


def a_task_throws():
    with Pool(2) as pool:
        return outcomes(pool.imap(fail_at_2, FIVE))


def a_task_throws_and_that_ends_the_map():
    with Pool(2) as pool:
        return f"{outcomes(pool.imap(fail_at_2, FIVE, stop_on_error=True))}, and then {square_of_3(pool)}"


def a_worker_dies_in_a_task():
    ran = DIRECTORY / "ran"
    with Pool(1) as pool:
        text = outcomes(pool.imap(die_at_2(ran, False), FIVE))
        return f"{text}, {replaced(pool)}, {'each ran once' if count(ran) == 1 else 'it ran again'}"


def a_worker_dies_and_the_task_is_run_again():
    ran = DIRECTORY / "ran"
    with Pool(1) as pool:
        text = outcomes(pool.imap(die_at_2(ran, True), FIVE, max_retries=1))
        return f"{text}, {replaced(pool)}, {'it ran twice' if count(ran) == 2 else 'it ran otherwise'}"


def a_task_takes_too_long():
    with Pool(1) as pool:
        return f"{outcomes(pool.imap(hang_at_2, FIVE, time_limit=0.1))}, {replaced(pool)}"


def a_task_takes_too_long_and_nobody_waits():
    began = DIRECTORY / "began"
    with Pool(1) as pool:
        worker = pool.submit(os.getpid).result()
        task = pool.submit_with({"time_limit": 0.1}, mark_and_hang, began)
        wait_for(lambda: task.done() or count(began))
        command = pathlib.Path(f"/proc/{worker}/cmdline")
        wait_for(lambda: not command.exists() or not command.read_bytes())  # that it is not reaped yet is no life
        return f"its worker has ended, {outcome(task.result)}"


def workers_end_before_they_run_anything():
    database, starts = DIRECTORY / "database", DIRECTORY / "starts"

    def open_it():
        leave(starts)
        if not count(database):
            raise RuntimeError("no database")

    with Pool(1, init=open_it) as pool:
        text = f"{square_of_3(pool)} after {count(starts)} starts"
        leave(database)
        return f"{text}, and then {square_of_3(pool)}"


def a_task_that_waits_is_cancelled():
    go, began, ran = DIRECTORY / "go", DIRECTORY / "began", DIRECTORY / "ran"
    with Pool(1) as pool:
        first, second = pool.submit(mark_and_wait, began, go), pool.submit(leave, ran)
        wait_for(lambda: first.done() or count(began))
        text = "cancelled" if second.cancel() else "not cancelled"
        leave(go)
        text += f", {outcome(second.result)}"
        pool.wait()
        return f"{text}, {'it ran' if count(ran) else 'it never ran'}"


def a_task_that_runs_is_cancelled():
    began = DIRECTORY / "began"
    with Pool(1) as pool:
        task = pool.submit(mark_and_hang, began)
        wait_for(lambda: task.done() or count(began))
        text = f"{'cancelled' if task.cancel() else 'not cancelled'}, {outcome(task.result)}"
        then = square_of_3(pool)
        return f"{text}, {replaced(pool)}, and then {then}"


def a_task_that_has_ended_is_not_cancelled():
    with Pool(1) as pool:
        task = pool.submit(square, 3)
        wait_for(task.done)
        return f"{'cancelled' if task.cancel() else 'not cancelled'}, {outcome(task.result)}"


def an_argument_cannot_be_encoded():
    with Pool(2) as pool:
        text = outcomes(pool.imap(value_of, [Unencodable(0), Unencodable(1), Unencodable(2)]))
        return f"{text}, {replaced(pool)}"


def a_result_cannot_be_encoded():
    with Pool(2) as pool:
        return f"{outcomes(pool.imap(Unencodable, [0, 1, 2]))}, {replaced(pool)}"


def a_result_cannot_be_decoded():
    with Pool(2) as pool:
        return f"{outcomes(pool.imap(Undecodable, [0, 1, 2]))}, {replaced(pool)}"


def an_argument_is_too_large():
    with Pool(1, link=coproc.LinkOptions(max_message_bytes=4096, automatic_loans=False)) as pool:
        text = outcome(lambda: pool.submit(len, "x" * 10_000).result())
        then = square_of_3(pool)
        return f"{text}, {replaced(pool)}, and then {then}"


def the_input_throws():
    def numbers():
        yield from range(3)
        raise RuntimeError("no more")

    with Pool(2) as pool:
        return f"{outcomes(pool.imap(same, numbers()))}, and then {square_of_3(pool)}"


def the_pool_is_stopped():
    left, began = DIRECTORY / "left", DIRECTORY / "began"
    pool = Pool(2, init=lambda: left, exit=leave)
    pool.map(lambda _, x: x, FIVE)
    task = pool.submit(lambda _, path: mark_and_hang(path), began)
    wait_for(lambda: task.done() or count(began))
    pool.stop()
    return f"{outcome(task.result)}, {count(left)} worker left by its exit function"


def a_wait_is_interrupted():
    began, go = DIRECTORY / "began", DIRECTORY / "go"

    def press():
        wait_for(lambda: count(began))
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Pool(1) as pool:
        task = pool.submit(mark_and_wait, began, go)
        presses = threading.Thread(target=press)
        try:
            presses.start()
            task.result()
            return "not interrupted"
        except KeyboardInterrupt:
            presses.join()
        leave(go)
        return f"interrupted, {outcome(task.result)}"


def a_worker_closes_its_link():
    with Pool(1) as pool:
        text = outcome(pool.submit(close_all).result)
        if text == "[died]":  # by the end of its lifeline: which is first is not promised
            text = "[failed]"
        then = square_of_3(pool)
        return f"{text}, {replaced(pool)}, and then {then}"


def a_worker_cannot_be_killed():
    began, release = DIRECTORY / "began", DIRECTORY / "release"
    with Pool(1, stop=coproc.StopOptions(kill=0)) as pool:
        traced = pool.submit_with({"time_limit": 0.1}, be_traced, began, release)
        other = pool.submit(square, 3)
        text = f"{outcome(other.result)} by another worker, {outcome(traced.result)}"
        leave(release)
        return text


def the_host_closes_all_descriptors():
    began = DIRECTORY / "began"
    with Pool(1) as pool:
        task = pool.submit(mark_and_hang, began)
        wait_for(lambda: task.done() or count(began))
        os.closerange(3, 1 << 16)
        return f"{outcome(task.result)}, and then {square_of_3(pool)}"


def an_idle_worker_does_not_read():
    """What is larger than the link is taken out of it by a worker that runs nothing; this one does not."""
    with Pool(1, link=coproc.LinkOptions(ring_bytes=256 << 10, automatic_loans=False)) as pool:
        square_of_3(pool)
        os.kill(pool.workers[0].pid, signal.SIGSTOP)
        text = outcome(pool.submit(len, "x" * 4_000_000).result)
        return f"{text}, {replaced(pool)}, and then {square_of_3(pool)}"


def the_host_is_forked():
    with Pool(1) as pool:
        square_of_3(pool)
        fork = os.fork()
        if fork == 0:
            try:
                pool.submit(square, 3)
            except coproc.NotOwnerError:
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(fork, 0)
        return f"{'not refused' if status else 'refused'}, and then {square_of_3(pool)}"


def main():
    warnings.filterwarnings("ignore", ".*is forked while this process has")
    _, name, promised = sys.argv
    try:
        happened = globals()[name]()
    finally:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
    print(happened, flush=True)
    sys.exit(0 if happened == promised else 1)


if __name__ == "__main__":
    main()
