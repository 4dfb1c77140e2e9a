"""An exception that ends a worker is told once: by a receive, or on stderr when nobody has received."""

import gc
import subprocess
import sys
import textwrap
import weakref

import coproc
import pytest


def fail(messenger):
    raise KeyError("boom")


def fail_in_colour(messenger):
    raise ValueError("\x1b[31mred\ncoproc: worker 'other' was ended")


class Unprintable(Exception):
    def __str__(self):
        raise SystemExit(3)

    def __reduce__(self):
        raise GeneratorExit


def fail_unprintably(messenger):
    raise Unprintable


def started(target=fail, method=None):
    worker = coproc.WorkerResource(target, method=method)
    worker.start()
    worker.join()
    return worker


def test_a_stop_prints_it_once(method, capfd):
    worker = started(method=method)
    assert capfd.readouterr().err == ""
    worker.stop()
    said = capfd.readouterr().err
    assert said.startswith(
        f"coproc: worker 'fail' (pid {worker.pid}) was ended by an exception that nobody received:\n    Traceback"
    )
    assert said.endswith("    KeyError: 'boom'\n") and "in fail\n" in said
    worker.stop()
    del worker
    assert capfd.readouterr().err == ""


def test_what_was_received_is_not_printed(capfd):
    worker = started()
    with pytest.raises(KeyError):
        worker.messenger.receive_blocking()
    worker.stop()
    worker.start()
    worker.join()
    worker.start()  # what ended the run before is told now
    assert capfd.readouterr().err.count("KeyError: 'boom'") == 1
    worker.stop()


@pytest.mark.parametrize("drop", ["name", "cycle"])
def test_garbage_prints_it(capfd, drop):
    worker = started()
    seen = weakref.ref(worker._worker)
    if drop == "cycle":
        worker.itself = worker
    del worker
    gc.collect()
    assert seen() is None
    assert capfd.readouterr().err.count("KeyError: 'boom'") == 1


def test_a_peers_words_stay_its_words(capfd):
    started(fail_in_colour).stop()
    lines = capfd.readouterr().err.splitlines()
    assert all(line.startswith("    ") for line in lines[1:])
    assert r"    ValueError: \x1b[31mred" in lines and "    coproc: worker 'other' was ended" in lines


def test_an_exception_whose_methods_raise_is_named():
    worker = started(fail_unprintably)
    with pytest.raises(coproc.RemoteError, match="Unprintable: .its text cannot be made: SystemExit"):
        worker.messenger.receive_blocking()


def test_the_end_of_the_program_prints_it():
    program = """
        import coproc
        def fail(messenger): raise KeyError("boom")
        worker = coproc.WorkerResource(fail)
        worker.start()
        worker.proc.join()
        print("the host goes on", flush=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.stdout == "the host goes on\n" and done.returncode == 0
    assert done.stderr.count("KeyError: 'boom'") == 1
