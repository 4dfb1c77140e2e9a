"""Arguments and results that cannot be pickled or unpickled: each costs one task."""

import functools
import os

import coproc
import pytest
from tasks import Stop, double, read


class Reduced:
    """Its pickling calls `how`."""

    def __init__(self, how):
        self.how = how

    def __reduce__(self):
        return self.how()


class Arriving:
    """Its unpickling calls `how`."""

    def __init__(self, how):
        self.how = how

    def __reduce__(self):
        return self.how, ()


def stop():
    raise Stop("at its pickle")


def end_iteration():
    raise StopIteration("at its pickle")


def nonsense():
    return 3


def leave():
    raise SystemExit("a trap")


def exit_with_five():
    os._exit(5)


HOW = [stop, end_iteration, nonsense, lambda: 1 / 0]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("wrap", [list, iter])
def test_an_argument_that_cannot_be_pickled_costs_one_task(pool, how, wrap):
    items = [0, 1, Reduced(how), 3, 4]
    found = read(pool.imap(double, wrap(items), chunksize=5))
    assert found[:2] + found[3:] == [0, 2, 6, 8]
    assert isinstance(found[2], BaseException)
    with pytest.raises(BaseException):
        pool.submit(double, Reduced(how)).result()
    assert pool.map(double, [1]) == [2]


@pytest.mark.parametrize("how", HOW)
def test_a_result_that_cannot_be_pickled_costs_one_task(pool, how):
    found = read(pool.imap(lambda x: Reduced(how) if x == 2 else x, range(5), chunksize=5))
    assert found[:2] + found[3:] == [0, 1, 3, 4]
    assert isinstance(found[2], Exception)


@pytest.mark.parametrize("how", [stop, end_iteration, leave, exit_with_five])
def test_an_argument_that_cannot_be_unpickled_costs_one_task(pool, how):
    found = read(pool.imap(double, [0, 1, Arriving(how), 3, 4], chunksize=5))
    assert found[:2] + found[3:] == [0, 2, 6, 8]
    assert isinstance(found[2], Exception)
    if how is exit_with_five:
        assert "code 5 while it ran task 2" in str(found[2])
    assert pool.map(double, [1]) == [2]


@pytest.mark.parametrize("how", [stop, end_iteration, leave])
def test_a_result_that_cannot_be_unpickled_costs_one_task(pool, how):
    found = read(pool.imap(lambda x: Arriving(how) if x == 2 else x, range(5), chunksize=5))
    assert found[:2] + found[3:] == [0, 1, 3, 4]
    assert isinstance(found[2], Exception) and how.__name__ != ""
    assert pool.map(double, [1]) == [2]


LINK_LIKE = [
    TimeoutError, InterruptedError, coproc.WorkerIsDeadError, coproc.LinkClosedError, coproc.HostDiedError,
    coproc.ProtocolError, coproc.ResourceRequestedClose,
]  # fmt: skip


def raise_one(kind):
    raise kind("of the object")


class FailsWhenPickled:
    def __init__(self, kind):
        self.kind = kind

    def __reduce__(self):
        raise_one(self.kind)


class FailsWhenUnpickled(FailsWhenPickled):
    def __reduce__(self):
        return raise_one, (self.kind,)


def make_on_two(x, make, kind):
    return make(kind) if x == 2 else x


@pytest.mark.parametrize("kind", LINK_LIKE)
@pytest.mark.parametrize("make", [FailsWhenPickled, FailsWhenUnpickled])
@pytest.mark.parametrize("chunksize", [1, 6])
def test_an_error_of_pickling_is_never_taken_for_one_of_the_link(pool, kind, make, chunksize):
    """A link itself raises errors of these types when it is full, interrupted or closed. The pool took the others for
    those, and waited for ever or gave up its worker."""
    arguments = [make(kind) if x == 2 else x for x in range(6)]
    results = functools.partial(make_on_two, make=make, kind=kind)
    for found in (read(pool.imap(double, arguments, chunksize)), read(pool.imap(results, range(6), chunksize))):
        told = found.pop(2)
        assert found in ([0, 2, 6, 8, 10], [0, 1, 3, 4, 5])
        assert kind.__name__ in f"{type(told).__name__}: {told}"
    assert not any(place.replaced for place in pool.insights())
