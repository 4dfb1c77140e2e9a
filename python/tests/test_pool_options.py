"""Options of a pool's workers, and the interruption of waits for them."""

import os
import subprocess
import threading
import time

import coproc
import pytest
from coproc import Pool
from tasks import die_on, square

pytestmark = pytest.mark.filterwarnings("ignore:.*is forked while this process has")


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)
    return path.name


def variable(name):
    return os.environ.get(name), subprocess.run(["printenv", name], capture_output=True, text=True).stdout.strip()


def test_workers_have_their_name_in_errors():
    for options, name in (({"name": "resizer"}, "resizer"), ({}, "pool worker")):
        with Pool(1, **options) as pool:
            with pytest.raises(coproc.WorkerDiedError, match=f"{name}") as caught:
                pool.map(die_on(1), [1])
            assert caught.value.name == name
    with coproc.Executor(1, name="resizer") as executor:
        assert executor.submit(die_on(1), 1).exception().name == "resizer"


def test_workers_have_their_environment(method):
    # A fork server has the variables of its own start, so these two are ones that this process always had.
    path, home = os.environ["PATH"], os.environ.get("HOME")
    env = {"COPROC_SET": "set = ü", "HOME": None, "COPROC_NEVER_THERE": None}
    with Pool(1, env=env, init=os.getenv, init_args=("COPROC_SET",), method=method) as pool:
        names = ("COPROC_SET", "PATH", "HOME")
        found = [pool.submit(lambda at_init, name: (at_init, variable(name)), name).result() for name in names]
    assert found == [
        ("set = ü", ("set = ü", "set = ü")),
        ("set = ü", (path, path)),
        ("set = ü", (None, "")),
    ]
    assert "COPROC_SET" not in os.environ and os.environ.get("HOME") == home


def print_and_die(_):
    os.write(2, b"some last words")
    os._exit(3)


def test_the_stderr_of_workers_is_kept(method, capfd):
    with Pool(1, capture_stderr=True, method=method) as pool:
        with pytest.raises(coproc.WorkerDiedError) as caught:
            pool.map(print_and_die, [1])
    assert caught.value.exit_status.stderr_tail == "some last words" and capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "env, error",
    [({"A": 1}, TypeError), ({5: "a"}, TypeError), ({"": "a"}, ValueError), ({"A=B": "a"}, ValueError),
     ({"A": "\0"}, ValueError), ({"A\0": None}, ValueError)],
)  # fmt: skip
def test_an_environment_that_cannot_be_is_refused(env, error):
    with pytest.raises(error, match="env: "):
        Pool(1, env=env)


@pytest.mark.parametrize("background", [False, True])
def test_a_wait_is_interrupted_and_nothing_is_lost(background, tmp_path):
    with Pool(1, background=background) as pool:
        task = pool.submit(wait_for, tmp_path / "answer")
        pool.interrupt()
        with pytest.raises(InterruptedError):
            task.result()
        results = pool.imap(wait_for, [tmp_path / "answer"] * 3)
        pool.interrupt()
        with pytest.raises(InterruptedError):
            next(results)
        pool.interrupt()
        with pytest.raises(InterruptedError):
            pool.wait()
        (tmp_path / "answer").touch()
        assert task.result() == "answer" and list(results) == ["answer"] * 3
        assert pool.map(square, range(3)) == [0, 1, 4]


def test_another_thread_interrupts_a_wait(tmp_path):
    with Pool(1) as pool:
        task, raised = pool.submit(wait_for, tmp_path / "answer"), []

        def wait():
            try:
                task.result()
            except InterruptedError as error:
                raised.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        pool.interrupt()
        thread.join()
        assert len(raised) == 1
        (tmp_path / "answer").touch()
        assert task.result() == "answer"


def test_an_interrupted_map_is_given_up(tmp_path):
    with Pool(1) as pool:
        pool.start()
        pool.interrupt()
        with pytest.raises(InterruptedError):
            pool.map(wait_for, [tmp_path / "answer"] * 100)
        (tmp_path / "answer").touch()
        assert pool.map(square, range(3)) == [0, 1, 4]


def test_a_pool_that_was_not_started_has_no_wait_to_interrupt():
    with Pool(1) as pool:
        pool.stop()
        pool.interrupt()
        assert pool.map(square, range(3)) == [0, 1, 4]
