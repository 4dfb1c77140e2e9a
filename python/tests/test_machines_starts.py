"""Starts on other machines that fail: each says why, where, and what to do."""

import os
import sys

import coproc
import pytest
from machines import here, script, wait


pytestmark = pytest.mark.usefixtures("no_agent_is_left")


def refused(target=wait, where='"there"', **options):
    worker = coproc.WorkerResource(target, name="unlucky", start_timeout=300, **options)
    with pytest.raises(coproc.StartError) as caught:
        worker.start()
    assert not worker.is_alive() and "::" not in str(caught.value) and "::" not in repr(caught.value)
    assert 'worker "unlucky"' in str(caught.value) and where in str(caught.value)
    return str(caught.value)


def with_python_of(tmp_path, files, flags=""):
    """Return a machine whose interpreter finds these modules first."""
    for name, text in files.items():
        path = tmp_path / "first" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    python = f'PYTHONPATH="{tmp_path / "first"}:$PYTHONPATH" exec {sys.executable} {flags} "$@"\n'
    return here(program_there=script(tmp_path / "python", python))


def test_another_python_is_refused_before_anything_is_unpickled(tmp_path):
    machine = with_python_of(tmp_path, {"sitecustomize.py": "import sys\nsys.version_info = (3, 99, 1, 'final', 0)\n"})
    said = refused(machine=machine)
    host, version = os.uname().nodename, "%d.%d" % sys.version_info[:2]
    assert (
        "has Python 3.99" in said and f'its host on "{host}" has {version}' in said and "Machine.program_there" in said
    )


def test_another_coproc_is_refused_before_anything_is_unpickled(tmp_path):
    machine = with_python_of(tmp_path, {"coproc/__init__.py": "", "coproc/_core.py": "version = '9.9'\n"})
    said = refused(machine=machine)
    assert "has coproc 9.9" in said and "install the same one on both machines" in said


def test_no_coproc_there_is_named(tmp_path):
    said = refused(machine=with_python_of(tmp_path, {}, "-I"))
    assert "coproc cannot be imported" in said and "No module named 'coproc'" in said and "install coproc" in said
    assert "exited with code" not in said  # which is what its launcher's side sees, and helps nobody


@pytest.mark.parametrize("program", ["/no/such/python", "no-such-python"])
def test_a_missing_interpreter_is_named(program):
    said = refused(machine=here(program_there=program))
    assert f'"{program}"' in said and "It is the interpreter" in said and "Machine.program_there" in said


def test_a_missing_module_of_the_target_is_named(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def target(messenger): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    (tmp_path / "only_here.py").unlink()
    said = refused(only_here.target, machine=here())
    assert "ModuleNotFoundError: No module named 'only_here'" in said and "Are the modules of both there" in said


def test_a_missing_agent_is_named():
    assert "no-such-agent" in refused(where="near agent", machine=here(agent="no-such-agent"))
    assert "no-such-agent" in refused(machine=here(agent_there="no-such-agent"))


def test_what_only_this_machine_has_is_refused():
    mine, theirs = coproc.PriorityMessenger.new_pair()
    for options, words in (
        ({"method": "fork"}, "use method='spawn'"),
        ({"method": "forkserver"}, "use method='spawn'"),
        ({"sandbox": coproc.Sandbox.compute()}, "call this_worker.confine in the target"),
        ({"limits": coproc.Limits(open_files=100)}, "limits are not applied there"),
    ):
        with pytest.raises(ValueError, match=f'"there": .*{words}'):
            coproc.WorkerResource(wait, machine=here(), **options)
    with pytest.raises(ValueError, match="let it send and receive through its host"):
        coproc.WorkerResource(wait, machine=here()).start(other=[theirs])
    with pytest.raises(ValueError, match="Machine.silence is too short"):
        coproc.WorkerResource(wait, machine=here(silence=1)).start()
    with pytest.raises(ValueError, match="its Launcher has no command"):
        coproc.WorkerResource(wait, machine=here(words=())).start()
    with pytest.raises(TypeError, match="machine: Machine or None"):
        coproc.WorkerResource(wait, machine=coproc.command(["env"]))
    with pytest.raises(TypeError):
        coproc.command("env")
