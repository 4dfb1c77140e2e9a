"""Calls of a pool with wrong arguments: the error names the argument, and the pool goes on."""

import pytest
from coproc import LazyPool, Pool
from tasks import double


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
