"""Tasks, objects and inputs that break Python's protocols: each costs its own task, and its error names it."""

import os

import coproc
import pytest
from coproc import LazyPool, Pool
from tasks import Stop, double, raise_on_two, read, square


@pytest.mark.parametrize(
    "error", [StopIteration("of the task"), StopAsyncIteration("of the task"), GeneratorExit("of the task")]
)
@pytest.mark.parametrize("chunksize", [1, 5])
def test_what_ends_an_iteration_ends_no_map(pool, error, chunksize):
    name = type(error).__name__
    for results in (
        pool.imap(raise_on_two(error), range(5), chunksize),
        pool.map_unordered(raise_on_two(error), range(5), chunksize),
    ):
        found = read(results)
        assert sorted(x for x in found if isinstance(x, int)) == [0, 1, 3, 4]
        (told,) = [x for x in found if isinstance(x, Exception)]
        assert isinstance(told, (RuntimeError, coproc.RemoteError))
        assert name in str(told) and "of the task" in str(told)
    for call in (lambda: pool.map(raise_on_two(error), range(5)), lambda: pool.submit(raise_on_two(error), 2).result()):
        with pytest.raises((RuntimeError, coproc.RemoteError), match=name):
            list(map(lambda _: call(), [0]))  # which a StopIteration would end


@pytest.mark.parametrize(
    "error", [Stop("of the task"), KeyboardInterrupt("of the task"), coproc.ResourceRequestedClose("of the task")]
)
def test_what_is_no_exception_is_an_error_of_its_task_and_the_worker_lives(pool, error):
    found = read(pool.imap(raise_on_two(error), range(5), chunksize=5))
    assert found[:2] + found[3:] == [0, 1, 3, 4]
    assert (
        isinstance(found[2], coproc.RemoteError)
        and type(error).__name__ in str(found[2])
        and "of the task" in str(found[2])
    )
    assert not any(place.replaced for place in pool.insights())


def test_a_task_that_exits_is_a_death(pool):
    found = read(pool.imap(raise_on_two(SystemExit(3)), range(5), chunksize=5))
    assert found[:2] + found[3:] == [0, 1, 3, 4]
    assert isinstance(found[2], coproc.WorkerDiedError) and "code 3" in str(found[2]) and "task 2" in str(found[2])


class OddEquality(type):
    def __eq__(cls, other):
        raise LookupError("__eq__ of a class")

    __hash__ = type.__hash__

    def __bool__(cls):
        raise LookupError("__bool__ of a class")


class Odd(metaclass=OddEquality):
    """Everything that may be asked of it fails, but for its pickle."""

    def __init__(self, x):
        self.x = x

    def fail(self, *_):
        raise LookupError("of an odd object")

    __eq__ = (
        __ne__
    ) = __lt__ = __hash__ = __bool__ = __len__ = __iter__ = __str__ = __repr__ = __contains__ = __getitem__ = fail

    def __reduce__(self):
        return Odd, (self.x,)


def test_objects_that_cannot_be_asked_anything_travel(pool):
    assert [odd.x for odd in pool.map(Odd, range(50))] == list(range(50))
    assert pool.map(lambda odd: odd.x, [Odd(x) for x in range(50)], chunksize=7) == list(range(50))
    assert pool.map(lambda odd: odd.x, (Odd(x) for x in range(50))) == list(range(50))
    assert pool.submit(lambda odd, other: odd.x + other.x, Odd(1), other=Odd(2)).result() == 3


class OddError(Exception):
    def __str__(self):
        raise LookupError("no text")

    __repr__ = __bool__ = __eq__ = __str__
    __hash__ = None


class OddestError(OddError):
    def __str__(self):
        raise Stop

    def __reduce__(self):
        raise Stop

    @property
    def __class__(self):
        raise Stop


class Trap(Exception):
    """Its unpickling leaves the process, if that were let."""

    def __reduce__(self):
        return leave, ()


def leave():
    raise SystemExit("a trap")


class NoException(Exception):
    def __reduce__(self):
        return int, (3,)


@pytest.mark.parametrize("kind", [OddError, OddestError, Trap, NoException])
def test_odd_errors_are_named(pool, kind):
    found = read(pool.imap(raise_on_two(kind), range(5), chunksize=5))
    assert found[:2] + found[3:] == [0, 1, 3, 4]
    assert kind.__name__ in type(found[2]).__name__ or kind.__name__ in str(found[2])
    assert not any(place.replaced for place in pool.insights())


class Unsized:
    """As a progress bar over a generator."""

    def __init__(self, items, length):
        self.items = items
        self.length = length

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return self.length()


def no_length():
    raise TypeError("object of type 'generator' has no len()")


@pytest.mark.parametrize("length", [no_length, lambda: -1, lambda: "x", lambda: 1 / 0, lambda: None])
def test_an_input_whose_length_fails_is_one_without_a_length(pool, length):
    told = []
    assert pool.map(square, Unsized(range(20), length), progress=lambda done, total: told.append((done, total))) == [
        x * x for x in range(20)
    ]
    assert told[-1] == (20, None)
    assert LazyPool(1).map(square, Unsized(range(20), length)) == [x * x for x in range(20)]


class Ending:
    """Its end raises."""

    def __del__(self):
        raise LookupError("at its end")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ends_that_raise_are_no_harm(pool):
    assert pool.map(lambda x: type(x).__name__, [Ending() for _ in range(5)]) == ["Ending"] * 5
    assert [type(x).__name__ for x in pool.map(lambda _: Ending(), range(5))] == ["Ending"] * 5
    assert pool.map(double, [1]) == [2]


@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration, GeneratorExit, Stop])
def test_an_input_that_raises_what_it_likes(pool, error):
    class Source:
        def __init__(self):
            self.count = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.count += 1
            if self.count == 4:
                raise error("of the input")
            return self.count

    if error is StopIteration:
        assert pool.map(double, Source()) == [2, 4, 6]
    else:
        results = pool.imap(double, Source())
        assert [next(results) for _ in range(3)] == [2, 4, 6]
        with pytest.raises(BaseException, match="of the input"):
            next(results)
    assert pool.map(double, [1]) == [2]


@pytest.mark.parametrize(
    "error",
    [Stop("in init"), KeyboardInterrupt("in init"), SystemExit(3), StopIteration("in init"), GeneratorExit("in init")],
)
def test_an_init_that_raises_anything_breaks_the_pool(tmp_path, error):
    def init():
        (tmp_path / str(os.getpid())).touch()
        raise error

    with Pool(1, init=init) as pool:
        text = "code 3" if type(error) is SystemExit else type(error).__name__
        with pytest.raises(coproc.PoolBrokenError, match=text):
            pool.map(square, range(5))
        with pytest.raises(coproc.PoolBrokenError, match=text):
            pool.submit(square, 1).result()
    assert len(list(tmp_path.iterdir())) == 6  # three starts for each call


def test_an_init_that_meets_another_links_end_says_so():
    def init():
        raise coproc.PeerClosedError("of another link")

    with Pool(1, init=init) as pool:
        with pytest.raises(coproc.PoolBrokenError, match="PeerClosedError: of another link"):
            pool.map(square, [1])


class Lengthless:
    """An iterator, whose length cannot be asked for."""

    def __init__(self, error):
        self._error = error
        self._left = iter(range(5))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._left)

    def __len__(self):
        raise self._error

    __length_hint__ = __len__


@pytest.mark.parametrize("error", [ValueError("no length"), GeneratorExit("no length"), Stop("no length")])
def test_an_iterator_whose_length_fails_is_an_input_without_one(pool, error):
    told = []
    assert pool.map(square, Lengthless(error), progress=lambda done, total: told.append(total)) == [0, 1, 4, 9, 16]
    assert set(told) == {None}
    assert list(pool.imap(square, Lengthless(error))) == [0, 1, 4, 9, 16]
    assert LazyPool(2).map(square, Lengthless(error)) == [0, 1, 4, 9, 16]
    assert sorted(LazyPool(2).map_unordered(square, Lengthless(error))) == [0, 1, 4, 9, 16]
