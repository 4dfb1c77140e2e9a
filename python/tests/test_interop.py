"""Programs in C++ at the other end: examples/python, run as a user would, and what goes wrong."""

import dataclasses
import enum
import os
import pathlib
import subprocess
import sys
import tracemalloc

import coproc
import coproc.interop
import msgpack
import numpy as np
import pytest
from coproc.interop import pack, unpack

EXAMPLES = pathlib.Path(os.environ["COPROC_EXAMPLES"])  # what was built of them
SOURCES = pathlib.Path(__file__).parents[2] / "examples" / "python"


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Inner:
    values: np.ndarray


@dataclasses.dataclass
class Outer:
    inner: Inner
    names: tuple


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def test_a_host_in_python_and_a_worker_in_cpp():
    done = run(sys.executable, SOURCES / "host.py", EXAMPLES / "python_pricing")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "12 x bolt, zinc: 3",
        "1000 x nut: 125",
        "there is no price for screw",
        "[[ 0.  2.  4.]",
        " [ 6.  8. 10.]]",
        "<ExitStatus: exited with code 0>",
    ]


def test_a_host_in_cpp_and_a_worker_in_python():
    done = run(EXAMPLES / "python_host", sys.executable, SOURCES / "worker.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "12 x bolt: 6",
        "1000 x nut: 500",
        "6",
        "500",
        "ValueError: an order of 0 nut",
        "exited with code 1 after coproc_python::PythonError: ValueError: an order of 0 nut",
    ]


def test_a_program_that_is_none_or_wants_other_arguments_is_a_start_error():
    with pytest.raises(coproc.StartError, match="No such file"):
        coproc.ProgramResource("/no/such/program").start()
    with pytest.raises(coproc.StartError, match="ended|handshake|exited"):
        coproc.ProgramResource("/bin/true").start()
    with pytest.raises(coproc.StartError, match="argument"):
        coproc.ProgramResource(EXAMPLES / "python_pricing").start()  # it wants prices
    worker = coproc.ProgramResource(EXAMPLES / "python_pricing")
    with pytest.raises(coproc.WorkerIsDeadError):
        worker.messenger
    with pytest.raises(coproc.WorkerIsAlreadyDeadError):
        worker.stop()
    worker.start(bolt="dear")  # no number: the worker's own error
    with pytest.raises(coproc.Error, match="MessagePack"):
        worker.messenger.receive_blocking()
    assert worker.join().code == 1


def test_nothing_else_than_what_others_know_is_sent_to_a_program():
    worker = coproc.ProgramResource(EXAMPLES / "python_pricing")
    worker.start(bolt=1.0)
    for value in (object(), lambda: 0, 1j, np.array(["text"])):
        with pytest.raises(TypeError):
            worker.messenger.send_norequest(value)
    with pytest.raises(OverflowError, match="71 bits"):
        worker.messenger.send_norequest({"count": 2**70})
    worker.messenger.send_request({"item": "bolt", "count": 1, "options": []}, "orders")
    assert worker.messenger.receive_blocking("orders") == {"text": "1 x bolt", "total": 1}
    assert worker.stop().success


def test_a_messenger_with_msgpack_unpickles_nothing():
    ran = []

    class Evil:
        def __reduce__(self):
            return ran.append, (1,)

    a, b = coproc.PriorityMessenger.new_pair()
    c, d = coproc.PriorityMessenger.new_pair(codec="msgpack")
    assert d.codec == "msgpack"
    c.send_norequest({"a": [1, 2.5, None, True, b"x", "ü"]})
    assert d.receive_blocking() == {"a": [1, 2.5, None, True, b"x", "ü"]}
    mixed = coproc.PriorityMessenger.new_pair()
    other_end = coproc.PriorityMessenger(codec="msgpack")
    other_end._hold(mixed[1]._held)
    mixed[0].send_norequest(Evil())
    with pytest.raises(coproc.DecodeError, match="unpickles nothing"):
        other_end.receive_blocking()
    mixed[0].send_error(ValueError("text"))
    with pytest.raises(coproc.RemoteError) as caught:
        other_end.receive_blocking()
    assert (caught.value.type_name, caught.value.text) == ("ValueError", "text")
    assert ran == []


def test_values_become_what_others_know():
    value = Outer(Inner(np.arange(3, dtype="u2")), ("a", Colour.RED))
    arrived = unpack(pack(value))
    assert arrived["names"] == ["a", "red"]
    np.testing.assert_array_equal(arrived["inner"]["values"], [0, 1, 2])
    arrived["inner"]["values"][0] = 7
    assert unpack(pack({1, 2})) == [1, 2]
    assert unpack(pack(np.float32(0.5))) == 0.5
    for array in (
        np.zeros((0, 2)),
        np.ones((2, 3), ">f4"),
        np.array([True, False]),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ):
        arrived = unpack(pack(array))
        np.testing.assert_array_equal(arrived, array)
    for nonsense in (
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xc7\x0a\x4e\x93\xa3<f8\x91\x01\xc4\x00",
        pack([1]) + b"\x00",
    ):
        with pytest.raises(ValueError):
            unpack(nonsense)


def test_a_script_that_nobody_started_is_no_worker():
    done = run(sys.executable, SOURCES / "worker.py")
    assert done.returncode == 1 and "StartError" in done.stderr


def announced(count):
    return b"\xdd" + count.to_bytes(4, "big")


@pytest.mark.parametrize(
    "message",
    [
        msgpack.packb(msgpack.ExtType(78, msgpack.packb(["|u1", [0], 2_000_000_000]))),
        msgpack.packb(msgpack.ExtType(78, msgpack.packb(["|u1", [0], "text"]))),
        msgpack.packb(msgpack.ExtType(78, announced(3) + announced(900_000) * 200 + b"\x01" * 900_000)),
        b"".join(announced(900_000) for _ in range(200)) + b"\x01" * 900_000,
        b"\xdf\x00\x0d\xbb\xa0" * 200 + b"\x01" * 900_000,
        announced(2**32 - 1),
        b"\x81\x90\x01",
        b"\xd9\xffab",
        b"",
        b"\xc1",
    ],
)
def test_lengths_that_are_announced_cost_nothing_before_they_are_there(message, monkeypatch):
    monkeypatch.setattr(coproc.interop, "pack", lambda value: value)
    a, b = coproc.PriorityMessenger.new_pair(codec="msgpack")
    a.send_norequest(message)
    a.send_norequest(msgpack.packb("behind it"))
    tracemalloc.start()
    try:
        with pytest.raises(coproc.DecodeError, match="MessagePack|array"):
            b.receive_blocking()
        assert tracemalloc.get_traced_memory()[1] < 4 * len(message) + (1 << 20)
    finally:
        tracemalloc.stop()
    assert b.receive_blocking() == "behind it"


def test_whatever_is_packed_is_unpacked(monkeypatch):
    a, b = coproc.PriorityMessenger.new_pair(codec="msgpack")
    for value in (
        [[]] * 20,
        [[{}] * 15] * 70_000,
        {str(i): i for i in range(70_000)},
        [-1, -40, 2**63, -(2**63), 1.5, "x" * 40, b"x" * 300, None],
        "x" * 70_000,
    ):
        a.send_norequest(value)
        assert b.receive_blocking() == value
