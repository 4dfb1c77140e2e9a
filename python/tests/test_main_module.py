"""Functions and classes of the main module: of a script, a REPL, `-c`, stdin, a zip archive, and of notebooks that go
on defining."""

import os
import subprocess
import sys
import textwrap
import zipfile

import pytest

PROGRAM = """
import dataclasses, sys
import coproc

@dataclasses.dataclass
class Point:
    x: int

class Slots:
    __slots__ = ("x",)
    def __init__(self, x): self.x = x

def double(value): return 2 * value

def serve(messenger, first):
    messenger.send_norequest(double(first.x))
    while True:
        value = messenger.receive_blocking()
        messenger.send_reply((isinstance(value, (Point, Slots)), type(value)(double(value.x))))

if __name__ == "__main__":
    worker = coproc.WorkerResource(serve, method=METHOD)
    worker.start(first=Point(21))
    print(worker.messenger.receive_blocking(timeout=60))
    for value in (Point(1), Slots(2)):
        worker.messenger.send_request(value)
        is_of_class, answer = worker.messenger.receive_blocking(timeout=60)
        print(is_of_class, type(answer) is type(value), answer.x)
    print(worker.stop())
"""
SAID = "42\nTrue True 2\nTrue True 4\n<ExitStatus: exited with code 0>\n"

NOTEBOOK = """
import dataclasses
import coproc

def echo(messenger):
    while True:
        value = messenger.receive_blocking()
        messenger.send_reply(value() if callable(value) else value)

if __name__ == "__main__":
    worker = coproc.WorkerResource(echo, method=METHOD)
    worker.start()

    def ask(value):
        worker.messenger.send_request(value)
        return worker.messenger.receive_blocking(timeout=60)

    @dataclasses.dataclass
    class Later:
        x: int
        def twice(self): return 2 * self.x

    print(ask(Later(3)) == Later(3), ask([Later(4)]) == [Later(4)], ask(lambda: Later(5).twice()))

    class Slots:
        __slots__ = ("x",)
        def __init__(self, x): self.x = x

    print(ask(Slots(1)).x, type(ask(Slots(1))) is Slots)

    def version(): return 1
    print(ask(version))
    def version(): return 2
    print(ask(version))

    class Later(Later):
        def twice(self): return "another one"
    print(ask(Later(1).twice), ask(Later(2)) == Later(2))
    worker.stop()
"""
NOTEBOOK_SAID = "True True 10\n1 True\n1\n2\nanother one True\n"


def ran(text, method, how, folder):
    program = textwrap.dedent(text).replace("METHOD", repr(method))
    path = folder / "program.py"
    path.write_text(program)
    with zipfile.ZipFile(folder / "program.pyz", "w") as archive:
        archive.writestr("__main__.py", program)
    commands = {
        "script": [path],
        "-c": ["-c", program],
        "-m": ["-m", "program"],
        "stdin": ["-"],
        "zip": [folder / "program.pyz"],
        "REPL": ["-i", "-c", program],
    }
    environment = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{folder}"}
    return subprocess.run(
        [sys.executable, *commands[how]],
        input=program if how == "stdin" else "",
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize("how", ["script", "-c", "-m", "stdin", "zip", "REPL"])
def test_what_the_main_module_defines_is_there_in_the_worker(how, method, tmp_path):
    done = ran(PROGRAM, method, how, tmp_path)
    assert done.stdout == SAID, done.stderr


@pytest.mark.parametrize("how", ["script", "-c"])
def test_what_is_defined_later_or_anew_travels_as_it_is(how, method, tmp_path):
    done = ran(NOTEBOOK, method, how, tmp_path)
    assert done.stdout == NOTEBOOK_SAID, done.stderr


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_main_module_without_a_guard_is_told_in_the_host(method, tmp_path):
    program = """
        import coproc
        def serve(messenger): messenger.receive_blocking()
        for start in (lambda: coproc.WorkerResource(serve, method=METHOD), lambda: coproc.Pool(1, method=METHOD)):
            try:
                with start() as worker:
                    if isinstance(worker, coproc.Pool): worker.map(abs, [1])
                    worker.messenger.receive_blocking(timeout=60)
            except Exception as error:  # which keeps no worker from ending, either
                print(type(error).__name__, error)
    """
    done = ran(program, method, "script", tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all("StartError" in line and '__name__ == "__main__"' in line for line in lines), (
        done.stdout + done.stderr
    )
    assert done.stderr == ""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("how", ["script", "-m"])
def test_a_main_module_that_cannot_be_imported_is_told_in_the_host(method, how, tmp_path):
    program = """
        import multiprocessing, coproc
        if multiprocessing.parent_process() is not None:
            import no_such_module
        def serve(messenger): messenger.receive_blocking()
        if __name__ == "__main__":
            worker = coproc.WorkerResource(serve, method=METHOD)
            worker.start()
            try: worker.messenger.receive_blocking(timeout=60)
            except ModuleNotFoundError as error:
                noted = error.__notes__[0].startswith("The worker imported the main module")
                print(error, noted, "import no_such_module" in str(error.__cause__))
            worker.stop()
            try: coproc.Pool(1, method=METHOD).map(abs, [1])
            except coproc.PoolBrokenError as error: print(error.__cause__)
    """
    done = ran(program, method, how, tmp_path)
    assert done.stdout == "No module named 'no_such_module' True True\nNo module named 'no_such_module'\n", (
        done.stdout + done.stderr
    )
    assert done.stderr == ""


def test_other_processes_of_multiprocessing_import_the_main_module_themselves(tmp_path):
    program = """
        import multiprocessing, coproc
        def say(): print("here", __name__, flush=True)
        def serve(messenger):
            messenger.receive_blocking()
        if __name__ == "__main__":
            with coproc.WorkerResource(serve, method="spawn"):
                other = multiprocessing.get_context("spawn").Process(target=say)
                other.start()
                other.join()
    """
    done = ran(program, None, "script", tmp_path)
    assert done.stdout == "here __mp_main__\n", done.stdout + done.stderr


def test_what_cannot_be_unpickled_in_the_worker_is_told_in_the_host(tmp_path):
    (tmp_path / "only_here.py").write_text("def serve(messenger): pass")
    program = """
        import sys, coproc
        if __name__ == "__main__":
            import only_here
            sys.modules["no_module_there"] = only_here
            only_here.__name__ = only_here.serve.__module__ = "no_module_there"
            worker = coproc.WorkerResource(only_here.serve, method="spawn")
            worker.start()
            try: worker.messenger.receive_blocking(timeout=60)
            except ModuleNotFoundError as error: print(error, error.__notes__)
    """
    done = ran(program, None, "script", tmp_path)
    assert (
        done.stdout == "No module named 'no_module_there' ['The worker could not unpickle what it was started with.']\n"
    ), done.stderr
