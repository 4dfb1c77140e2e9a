"""What the stubs say is what there is, and type checkers are of use with them."""

import ast
import inspect
import pathlib
import shutil
import subprocess
import sys
import types
import typing

import coproc
import pytest

STUB = pathlib.Path(coproc.__file__).resolve().with_suffix(".pyi")

GOOD = """
import coproc

def target(messenger: coproc.PriorityMessenger, verbose: bool = False) -> None:
    while True:
        messenger.send_reply(messenger.receive_blocking(timeout=1.5), "channel")

with coproc.WorkerResource(target, name="echo") as worker:
    ids: list[int] = worker.messenger.send_request_multiple([1, 2])
    with worker.messenger.stream("rows", "channel", each=1.5, window_bytes=1000) as rows:
        rest: list[object] = [rows.next(timeout=1), *rows]
        is_over: bool = rows.is_over
    status: coproc.ExitStatus = worker.stop(close=1)
    code: int | None = status.code

recycle = coproc.RecycleOptions(requests=1000, age=3600)
health = {"reply": 30}
options = coproc.RestartOptions(most=10, pending="resend", backoff={"then": 0.5}, on_restart=print)
options = coproc.RestartOptions(recycle=recycle, health=health)
with coproc.Supervised(target, restart=options, name="echo") as again:
    described: list[str] = [each.describe() for each in again.history()]
    delays: list[float] = [each.delay for each in again.history()]
    dropped: list[bool] = [each.state_dropped for each in again.history() if each.reason == "recycled"]
    soon: float | None = again.look()
try:
    again.messenger.call(1)
except coproc.RestartLimitError as error:
    statuses: list[coproc.ExitStatus] = error.statuses

def square(x: int) -> int:
    return x * x

ends = coproc.PoolRestartOptions(most=3, within=60, backoff={"first": 0.5})
with coproc.Pool(2, restart=ends, health={"reply": 30}, recycle=recycle) as pool:
    squares: list[int] = pool.map(square, range(3))
    task: coproc.Task[int] = pool.submit(square, 3)
    result: int = task.result()
    seed: int = coproc.this_worker.seed()
    for each in pool.map_unordered(square, range(3)).as_results():
        index: int = each.index
        value: int = each.value
"""
BAD = """
import coproc
a, b = coproc.PriorityMessenger.new_pair()
a.send(1)
b.receive_blocking(timeout="soon")
coproc.StopOptions(close="never")
coproc.RestartOptions(when="sometimes")
coproc.HealthOptions(beat="never")
"""


def public(names):
    return {name for name in names if not name.startswith("_")}


def classes(tree):
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def functions(body):
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def members(found, name):
    """Of a stub's class and its private bases: what the public class has."""
    node = found[name]
    all_members = {}
    for base in node.bases:
        base_name = base.value.id if isinstance(base, ast.Subscript) else getattr(base, "id", "")
        if base_name in found:
            all_members |= members(found, base_name)
    attributes = {item.target.id: item for item in node.body if isinstance(item, ast.AnnAssign)}
    return all_members | attributes | functions(node.body)


def parameters(node):
    arguments = node.args
    return [a.arg for a in arguments.posonlyargs + arguments.args if a.arg not in ("self", "cls")], [
        a.arg for a in arguments.kwonlyargs
    ]


def parameters_of(function):
    found = [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "cls")]
    kinds = inspect.Parameter
    return (
        [p.name for p in found if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)],
        [p.name for p in found if p.kind == kinds.KEYWORD_ONLY],
    )


def test_every_public_name_is_in_the_stub_and_the_other_way_round():
    tree = ast.parse(STUB.read_text())
    assigned = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    said = public(classes(tree)) | public(functions(tree.body)) | public(assigned)
    there = {name for name in public(vars(coproc)) if not isinstance(vars(coproc)[name], types.ModuleType)}
    assert said == there


def test_every_method_is_in_the_stub_with_its_parameters():
    found = classes(ast.parse(STUB.read_text()))
    wrong = []
    for name in public(found):
        kind = getattr(coproc, name)
        said = members(found, name)
        if not issubclass(kind, BaseException):
            missing = {
                m for m in public(dir(kind)) if callable(getattr(kind, m)) or isinstance(getattr(kind, m), property)
            } - set(said)
            wrong += [f"{name}.{m} is not in the stub" for m in missing]
        for method, node in said.items():
            if isinstance(node, ast.AnnAssign):
                continue
            real = inspect.getattr_static(kind, method, None)
            if real is None:
                wrong.append(f"{name}.{method} is only in the stub")
            function = getattr(real, "__func__", real)
            if inspect.isfunction(function) and node.args.kwarg is None and parameters(node) != parameters_of(function):
                if "options" not in inspect.signature(function).parameters:
                    wrong.append(f"{name}.{method}: {parameters(node)} in the stub, {parameters_of(function)} there")
    assert not wrong, "\n".join(wrong)


def test_everything_public_has_a_docstring():
    for name in public(vars(coproc)):
        thing = getattr(coproc, name)
        if isinstance(thing, (types.ModuleType, typing.TypeVar)):
            continue
        assert thing.__doc__, name
        if isinstance(thing, type):
            for method in public(vars(thing)):
                member = vars(thing)[method]
                says_it_by_its_name = thing in (coproc.RequestCtr, coproc.PriorityQueue, coproc.MultiQueue)
                assert not inspect.isfunction(member) or member.__doc__ or says_it_by_its_name, f"{name}.{method}"


def all_parameters(node):
    arguments = node.args
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [name for each in parameters(node) for name in each] + [argument.arg for argument in extra]


def undescribed(where, thing, node):
    text = inspect.getdoc(thing) or ""
    return [f"{where}: {name}" for name in all_parameters(node) if f":param {name}:" not in text]


def test_every_public_callable_describes_each_of_its_parameters():
    tree = ast.parse(STUB.read_text())
    found = classes(tree)
    missing = []
    for name, node in functions(tree.body).items():
        missing += undescribed(name, getattr(coproc, name), node)
    for name in public(found):
        kind = getattr(coproc, name)
        for method, node in members(found, name).items():
            if method == "__init__":
                missing += undescribed(name, kind, node)
            elif not method.startswith("_") and not isinstance(node, ast.AnnAssign):
                thing = inspect.getattr_static(kind, method)
                where = f"{name}.{method}"
                missing += [] if inspect.getdoc(thing) else [f"{where} has no docstring"]
                missing += undescribed(where, thing, node)
    assert not missing, "\n".join(missing)


@pytest.fixture
def check(tmp_path):
    """mypy's words about a program."""
    package = tmp_path / "stubs" / "coproc"
    package.mkdir(parents=True)
    for stub in STUB.parent.glob("*.pyi"):
        shutil.copy(stub, package)
    (package / "py.typed").touch()

    def run(program):
        path = tmp_path / "program.py"
        path.write_text(program)
        command = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--cache-dir",
            tmp_path / "cache",
            path,
        ]
        return subprocess.run(
            command, capture_output=True, text=True, env={"MYPYPATH": str(tmp_path / "stubs"), "PATH": "/usr/bin:/bin"}
        )

    return run


def test_a_type_checker_takes_what_is_right_and_not_what_is_wrong(check):
    good = check(GOOD)
    assert good.returncode == 0, good.stdout
    bad = check(BAD)
    for line, text in ((4, "send"), (5, "timeout"), (6, "close"), (7, "when"), (8, "beat")):
        assert any(f"program.py:{line}:" in said and text in said for said in bad.stdout.splitlines()), bad.stdout
