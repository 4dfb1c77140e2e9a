import array
import collections
import dataclasses
import datetime
import enum
import pickle
import sys
import threading

import coproc
import numpy as np
import pytest
from coproc import PriorityMessenger, WorkerResource

MIB = 1 << 20


@dataclasses.dataclass
class Point:
    x: int
    y: float
    name: str = "p"


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int


@dataclasses.dataclass
class Slotted:
    __slots__ = ("x",)
    x: int


class Counted:
    """With rules of its own for pickling."""

    def __init__(self, value):
        self.value = value
        self.lock = threading.Lock()

    def __getstate__(self):
        return {"value": self.value}

    def __setstate__(self, state):
        self.__init__(state["value"])


class Reduced:
    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return Reduced, (self.x + 1,)


class WithArguments(str):
    def __new__(cls, text, more):
        made = super().__new__(cls, text)
        made.more = more
        return made

    def __getnewargs__(self):
        return str(self), self.more


class Colour(enum.Enum):
    RED = 1


Pair = collections.namedtuple("Pair", "a b")


def send(value, ends=None):
    a, b = ends or PriorityMessenger.new_pair()
    a.send_norequest(value)
    return b.receive_blocking()


VALUES = [
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 2**63, 2**100, 0.0, -0.0, 1e300, float("inf"), 1j, "", "text", "ü€😀",
    "\ud800", "a\0b", "x" * 200_000, b"", b"bytes", b"y" * 200_000, bytearray(b"z" * 200_000), bytearray(b"small"), (),
    (1, "a"), [], [1, [2, [3]]], {}, {"a": 1, 2: "b"}, {1, 2}, frozenset({3}), range(5), slice(1, 2), Ellipsis, int,
    len, Point, Point(1, 2.5), Point([1], {"a": 2}, "ü"), Frozen(3), Slotted(4), Colour.RED, Pair(1, 2),
    datetime.datetime(2026, 1, 2), array.array("d", [1.5, 2.5]), collections.Counter("aab"),
    [b"q" * 100_000, Point(1, 2.0), bytearray(b"r" * 70_000)], {"big": b"s" * MIB, "small": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}-{str(value)[:12]!a}")
def test_it_arrives_as_it_was(value):
    arrived = send(value)
    assert type(arrived) is type(value)
    assert arrived == value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        assert {type(getattr(value, f.name)) for f in dataclasses.fields(value)} == {
            type(getattr(arrived, f.name)) for f in dataclasses.fields(value)
        }


def test_nan_arrives():
    assert np.isnan(send(float("nan")))


def test_rules_for_pickling_are_kept():
    assert send(Counted(5)).value == 5
    assert send(Reduced(1)).x == 2
    arrived = send(WithArguments("text", 7))
    assert (arrived, arrived.more) == ("text", 7)


def test_rules_that_come_later_are_kept_too():
    ends = PriorityMessenger.new_pair()

    class Later:
        pass

    Later.__qualname__ = "Later"
    setattr(sys.modules[__name__], "Later", Later)
    made = Later()
    made.x = 1
    assert send(made, ends).x == 1
    Later.__getstate__ = lambda self: {"x": 2}
    assert send(made, ends).x == 2
    del Later.__getstate__
    assert send(made, ends).x == 1
    import copyreg

    copyreg.pickle(Later, lambda self: (Point, (self.x, 0.0)))
    assert send(made, ends) == Point(1, 0.0)
    del copyreg.dispatch_table[Later]
    Later.__setstate__ = lambda self, state: setattr(self, "x", state["x"] * 10)
    assert send(made, ends).x == 10
    # Another class has taken its name: what was sent is no object of that (cloudpickle sends the class itself).
    other = type("Later", (), {"__module__": __name__})
    setattr(sys.modules[__name__], "Later", other)
    arrived = send(made, ends)
    assert arrived.x == 10 and not isinstance(arrived, other)
    assert isinstance(send(other(), ends), other)
    del sys.modules[__name__].Later


def test_references_stay_references():
    shared = [1]
    arrived = send({"a": shared, "b": shared})
    assert arrived["a"] is arrived["b"]
    loop = Point(1, 2)
    loop.x = loop
    arrived = send(loop)
    assert arrived.x is arrived


def test_closures_and_local_classes_arrive():
    factor = 3

    class Local:
        def times(self, x):
            return factor * x

    assert send(lambda x: x * factor)(5) == 15
    assert send(Local()).times(7) == 21


def test_what_cannot_be_pickled_is_an_error_and_nothing_is_sent():
    a, b = PriorityMessenger.new_pair()
    for value in (threading.Lock(), [1, threading.Lock()], (i for i in ())):
        with pytest.raises(TypeError, match="pickle"):
            a.send_norequest(value)
    a.send_norequest("fine")
    assert b.receive_available() == ["fine"]
    assert a.messages_sent() == 1


def test_an_object_may_send_while_it_is_pickled():
    ends = PriorityMessenger.new_pair()
    other = PriorityMessenger.new_pair()

    class Sender:
        def __reduce__(self):
            other[0].send_norequest([1, 2])
            return Point, (1, 2.0)

    assert send([Sender(), Sender()], ends) == [Point(1, 2.0)] * 2
    assert other[1].receive_available() == [[1, 2]] * 2


class Bomb:
    def __reduce__(self):
        return explode, ()


def explode():
    raise LookupError("while it was unpickled")


def test_what_fails_to_unpickle_is_an_error_of_that_receive_alone():
    a, b = PriorityMessenger.new_pair()
    a.send_norequest(Bomb())
    a.send_norequest("next")
    with pytest.raises(LookupError, match="unpickled"):
        b.receive_blocking()
    assert b.receive_blocking() == "next"


# ---- arrays and memory ----


@pytest.mark.parametrize("size", [0, 10, 100_000])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_arrive_writable(size, order):
    sent = np.asarray(np.arange(2.0 * size).reshape(2, size), order=order)
    arrived = send(sent)
    np.testing.assert_array_equal(arrived, sent)
    assert arrived.dtype == sent.dtype and arrived.flags.f_contiguous == sent.flags.f_contiguous
    arrived[:] = -1
    assert size == 0 or sent[0, size - 1] == size - 1


def test_arrays_of_every_kind_arrive():
    record = np.zeros(50_000, dtype=[("a", "i4"), ("b", "f8", 2)])
    record["b"][7] = 5
    for sent in (
        record,
        np.arange(100_000)[::3],
        np.array(["a", None], dtype=object),
        np.ma.masked_array([1, 2], [0, 1]),
        np.float32(1.5),
    ):
        np.testing.assert_array_equal(send(sent), sent)
    arrived = send({"left": np.ones(50_000), "right": [np.zeros(60_000, "i2")]})
    assert arrived["left"].sum() == 50_000 and arrived["right"][0].shape == (60_000,)


def test_a_received_array_lives_on_when_everything_else_has_ended():
    def give(messenger):
        messenger.send_norequest(np.arange(MIB))

    worker = WorkerResource(give)
    worker.start()
    arrived = worker.messenger.receive_blocking()
    worker.join()
    del worker
    assert arrived.sum() == MIB * (MIB - 1) // 2
    arrived += 1


@pytest.mark.parametrize(
    "value", [b"abc", b"x" * 100_000, array.array("i", range(50_000)), np.arange(60_000.0).reshape(200, 300)]
)
def test_memoryviews_arrive_as_memoryviews(value):
    view = memoryview(value)
    for arrived in (send(view), send([view, 1])[0]):
        assert isinstance(arrived, memoryview)
        assert arrived == view and arrived.format == view.format and arrived.shape == view.shape


def test_an_array_made_in_shared_memory_is_not_copied():
    a, b = PriorityMessenger.new_pair()
    sent = a.empty((256, 1024), "f4")
    sent[:] = 7
    a.send_norequest(sent)
    arrived = b.receive_blocking()
    assert arrived.shape == sent.shape and arrived.dtype == sent.dtype
    arrived[0, 0] = 1
    assert sent[0, 0] == 1  # one memory
    # Sent while the other side has it, it is copied; later it is lent again.
    a.send_norequest(sent)
    copied = b.receive_blocking()
    copied[0, 0] = 2
    assert sent[0, 0] == 1
    del arrived, copied
    a.send_norequest({"again": sent})
    arrived = b.receive_blocking()["again"]
    arrived[0, 0] = 3
    assert sent[0, 0] == 3


def test_what_was_sent_stays_until_it_is_dropped_and_is_not_overwritten():
    a, b = PriorityMessenger.new_pair(coproc.LinkOptions(loan_bytes=16 * MIB))
    kept = a.empty(MIB, "u1")
    kept[:] = 5
    a.send_norequest(kept)
    b.receive_blocking()
    for i in range(50):
        more = a.empty(MIB, "u1")
        more[:] = i
        a.send_norequest(more)
        assert (b.receive_blocking() == i).all()
    assert (kept == 5).all()


def test_parts_of_a_shared_array_and_other_links_copy():
    a, b = PriorityMessenger.new_pair()
    c, d = PriorityMessenger.new_pair()
    made = a.empty(MIB, "u1")
    made[:] = 1
    for arrived in (send(made[::2], (a, b)), send(made[: MIB // 2], (a, b)), send(made, (c, d))):
        arrived[:] = 9
        assert (made == 1).all()


def test_empty_says_what_is_wrong():
    a, b = PriorityMessenger.new_pair(coproc.LinkOptions(loan_bytes=64 * 1024))
    with pytest.raises(coproc.LoanError, match="loan_bytes"):
        a.empty(MIB, "u1")
    with pytest.raises(ValueError, match="objects"):
        a.empty(3, object)
    with pytest.raises(ValueError, match="negative"):
        a.empty((3, -1))
    assert a.empty((3, 0)).shape == (3, 0)
    assert a.empty(()).shape == ()


def add_up(messenger):
    while True:
        given = messenger.receive_blocking()
        result = coproc.empty(given.shape, given.dtype)  # for the host
        np.multiply(given, 2, out=result)
        messenger.send_reply(result)


def test_arrays_go_both_ways_without_a_copy(method):
    with WorkerResource(add_up, method=method) as worker:
        given = coproc.empty((1000, 1000))  # for the worker that was started last
        given[:] = 21
        worker.messenger.send_request(given)
        assert (worker.messenger.receive_blocking() == 42).all()


def test_streams_of_large_arrays_do_not_use_memory_up():
    a, b = PriorityMessenger.new_pair(coproc.LinkOptions(loan_bytes=8 * MIB))
    for i in range(100):
        a.send_norequest(np.full(MIB, i, "u1"))
        assert (b.receive_blocking() == i).all()


def test_a_class_that_has_become_another_one():
    a, b = coproc.PriorityMessenger.new_pair()
    module = sys.modules[__name__]

    def define(base):
        module.Changing = type("Changing", (base,), {"__module__": __name__})
        return module.Changing

    sent = define(object)()
    sent.k = 1
    a.send_norequest(sent)
    define(dict)
    got = b.receive_blocking()
    got["a"] = 1
    assert (type(got), got.k, got) == (module.Changing, 1, {"a": 1})


@pytest.mark.parametrize("view", [lambda: memoryview(np.zeros(3, ">f4")), lambda: memoryview(np.zeros((0, 3)))])
def test_views_that_could_not_be_made_again_are_refused_by_the_send(view):
    a, b = coproc.PriorityMessenger.new_pair()
    with pytest.raises(pickle.PicklingError, match="send"):
        a.send_norequest(view())
    with pytest.raises(pickle.PicklingError, match="send"):
        a.send_norequest([view()])
    a.send_norequest(memoryview(b"").cast("i"))
    assert b.receive_blocking().nbytes == 0
