"""A pool whose workers are forked at the call, so that it can run anything on anything."""

import contextlib

from .drawn import length_of, snapshot
from .pool import Pool


class LazyPool:
    """Workers that are forked at each call, and so know everything that the host knew then: the function may be any closure, and the items need not be
    picklable. Only places go to the workers; results, which have to be picklable, come back.

        scores = coproc.LazyPool().map(lambda candidate: model.score(candidate), candidates)

    Everything that a fork does not keep (threads, what other threads hold locked) is missing there.
    """

    def __init__(self, n=None, verbose=False):
        self.n = n
        self.verbose = verbose
        self._pool = None

    def map(self, func, datas, chunksize=None, channel_id=None, **options):
        """`[func(data) for data in datas]`. `datas`: anything with a length and indices, or else it is made a list, of
        buffers and containers as they are when they are drawn. The rest is as with Pool.map; `channel_id` is of no
        importance."""
        datas = _indexable(datas)
        with self._forked(func, datas) as pool:
            return pool.map(_call, range(len(datas)), chunksize, **options)

    def map_unordered(self, func, datas, chunksize=None, channel_id=None, **options):
        """The results as they come. The workers are forked when the first one is asked for, and end with the last, or when the generator is closed."""
        datas = _indexable(datas)
        with self._forked(func, datas) as pool:
            yield from pool.map_unordered(_call, range(len(datas)), chunksize, **options)

    @staticmethod
    def chunk_size_slice(n, chunk_size):
        """The slices of `chunk_size` that make up `range(n)`."""
        return [slice(first, min(first + chunk_size, n), 1) for first in range(0, n, chunk_size)]

    def is_alive(self):
        """Whether workers are there: during a call."""
        return self._pool is not None and self._pool.is_alive()

    def wait_until_dead(self):
        """Nothing to wait for: a call leaves no worker behind."""

    def __iter__(self):
        """The workers of the call that is under way."""
        return iter(self._pool or ())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @contextlib.contextmanager
    def _forked(self, func, datas):
        try:
            with Pool(self.n, self.verbose, init=lambda: (func, datas), method="fork") as self._pool:
                yield self._pool
        finally:
            self._pool = None


def _indexable(datas):
    is_indexable = hasattr(type(datas), "__getitem__") and not hasattr(datas, "keys") and length_of(datas) is not None
    return (
        datas if is_indexable else [snapshot(item) for item in datas]
    )  # without a question for a length, which may fail


def _call(state, index):
    func, datas = state
    return func(datas[index])
