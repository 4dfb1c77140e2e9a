"""Tasks, arguments and results that break Python's protocols cost themselves, and are named."""

import functools
import os

import coproc
import pytest
from coproc import LazyPool, Pool
from tasks import double, square


class Stop(BaseException):
    pass


def raise_on_two(error):
    def task(x):
        if x == 2:
            raise error
        return x

    return task


def read(results):
    """All results, and errors in their places."""
    found = []
    while True:
        try:
            found.append(next(results))
        except StopIteration:
            return found
        except Exception as error:
            found.append(error)


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


@pytest.mark.parametrize(
    "use, words",
    [
        (lambda pool: pool.map(double, [1], timelimit=3), r"map\(\) got an unexpected keyword argument 'timelimit'"),
        (lambda pool: pool.imap(double, [1], chunk=3), r"imap\(\) got an unexpected keyword argument 'chunk'"),
        (
            lambda pool: LazyPool(1).map(double, [1], timelimit=3),
            r"map\(\) got an unexpected keyword argument 'timelimit'",
        ),
        (
            lambda pool: pool.submit_with({"timelimit": 3}, double, 1),
            r"submit_with\(\) got an unexpected option 'timelimit'",
        ),
        (lambda pool: pool.map([1, 2], double), r"\[1, 2\] cannot be called"),
        (lambda pool: pool.submit(3), "3 cannot be called"),
        (lambda pool: pool.map(double, 3), "'int' object is not iterable"),
        (lambda pool: pool.map(double, [1], chunksize="2"), "chunksize: a whole number, not '2'"),
        (lambda pool: pool.map(double, [1], progress=3), "progress: a function"),
        (lambda pool: pool.submit(double, 1).add_done_callback(3), "3 cannot be called"),
        (lambda pool: pool.submit(lambda: pool).result(), "a pool cannot go to another process"),
        (
            lambda pool: pool.submit(double, pool.submit(double, 1)).result(),
            "a task of a pool cannot go to another process",
        ),
        (lambda pool: Pool("3"), "n: a whole number, not '3'"),
        (lambda pool: Pool(1, init=3), "init: a function or None, not 3"),
    ],
)
def test_wrong_arguments_are_named_in_pythons_words(pool, use, words):
    with pytest.raises(TypeError, match=words):
        use(pool)
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
    """Where its type is what a link raises when it is full, rung for, or at its end, the pool waited for ever, or gave
    up its worker."""
    arguments = [make(kind) if x == 2 else x for x in range(6)]
    results = functools.partial(make_on_two, make=make, kind=kind)
    for found in (read(pool.imap(double, arguments, chunksize)), read(pool.imap(results, range(6), chunksize))):
        told = found.pop(2)
        assert found in ([0, 2, 6, 8, 10], [0, 1, 3, 4, 5])
        assert kind.__name__ in f"{type(told).__name__}: {told}"
    assert not any(place.replaced for place in pool.insights())


def test_an_init_that_meets_another_links_end_says_so():
    with Pool(1, init=raise_one, init_args=(coproc.PeerClosedError,)) as pool:
        with pytest.raises(coproc.PoolBrokenError, match="PeerClosedError: of the object"):
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
