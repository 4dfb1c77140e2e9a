"""`make wheel`, and what it gives to someone who has nothing but Python."""

import pathlib
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).parents[2]

# What a machine is sent from the main module needs cloudpickle, which is not there: so this is a module.
ECHOING = """
def echo(messenger, factor):
    while True:
        messenger.send_reply(messenger.receive_blocking() * factor)
"""
PROGRAM = """
import importlib.util, pathlib, sys
import coproc
from echoing import echo

if __name__ == "__main__":
    assert importlib.util.find_spec("numpy") is None
    assert pathlib.Path(coproc.__file__).is_relative_to(sys.prefix)
    for method in ("fork", "spawn", "forkserver"):
        worker = coproc.WorkerResource(echo, method=method)
        worker.start(factor=3)
        worker.messenger.send_request(b"x" * 100_000)
        assert worker.messenger.receive_blocking() == b"x" * 300_000
        worker.stop()
    # The wheel has the agent.
    machine = coproc.Machine(coproc.command(["env"]), silence=600)
    assert pathlib.Path(machine.agent).is_relative_to(sys.prefix)
    worker = coproc.WorkerResource(echo, machine=machine, start_timeout=300)
    worker.start(factor=2)
    assert worker.messenger.call(4) == 8
    worker.stop()
    print("fine")
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def test_it_is_installed_in_a_clean_environment_and_works(tmp_path):
    run("make", "-C", ROOT, "wheel")
    (wheel,) = (ROOT / "build" / "wheel").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "coproc/py.typed" in names and not any(name.startswith("tests") for name in names)
    sources = {
        str(path.relative_to(ROOT / "python"))
        for path in (ROOT / "python" / "coproc").rglob("*.py*")
        if "__pycache__" not in path.parts
    }
    assert sources <= set(names)  # every module and every stub
    assert {"coproc/LICENSE", "coproc/LICENSE.openssl"} <= set(names)  # the agent has OpenSSL in it
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel)
    (tmp_path / "echoing.py").write_text(ECHOING)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    assert run(python, program, env={"PATH": "/usr/bin:/bin", "TMPDIR": tempfile.gettempdir()}) == "fine\n"
