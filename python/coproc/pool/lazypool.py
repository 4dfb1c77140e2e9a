"""A pool whose workers are forked at the call, so that functions and items need not be pickled."""

import contextlib

from .drawn import length_of, snapshot
from .pool import Pool


class LazyPool:
    """A pool whose workers are forked at each call, so that they have a copy of everything in the host.

        scores = coproc.LazyPool().map(lambda candidate: model.score(candidate), candidates)

    Therefore the function may be any closure, and the items need not be picklable. Only indices of items go to the
    workers. Results are pickled. What a fork does not keep is missing in the workers: other threads, and the locks that
    these hold stay locked.

    :param n: the number of workers; None, the default, for as many as this process may use processors
    :param verbose: of no effect, for code of the old package
    """

    def __init__(self, n=None, verbose=False):
        self.n = n
        self.verbose = verbose
        self._pool = None

    def map(self, func, datas, chunksize=None, channel_id=None, **options):
        """Return `[func(data) for data in datas]`, which forked workers compute. Blocks until all results are there.

        :param func: the function
        :param datas: A sequence of its arguments. Another iterable is made a list first, with buffers and containers
            (lists, dicts, arrays) copied as they are when they are drawn.
        :param chunksize: as of `Pool.map`
        :param channel_id: of no effect, for code of the old package
        :param options: the other options of `Pool.map`
        :return: the list of the results, in the order of the input
        :raises Exception: as `Pool.map`
        """
        datas = _indexable(datas)
        with self._forked(func, datas) as pool:
            return pool.map(_call, range(len(datas)), chunksize, **options)

    def map_unordered(self, func, datas, chunksize=None, channel_id=None, **options):
        """Yield `func(data) for data in datas`, in the order in which the results come.

        The workers are forked when the first result is asked for. They end with the last result, or when the generator
        is closed.

        :param func: the function
        :param datas: A sequence of its arguments. Another iterable is made a list first, with buffers and containers
            (lists, dicts, arrays) copied as they are when they are drawn.
        :param chunksize: as of `Pool.map`
        :param channel_id: of no effect, for code of the old package
        :param options: the other options of `Pool.map`
        :return: a generator of the results
        :raises Exception: as `Pool.map_unordered`
        """
        datas = _indexable(datas)
        with self._forked(func, datas) as pool:
            yield from pool.map_unordered(_call, range(len(datas)), chunksize, **options)

    @staticmethod
    def chunk_size_slice(n, chunk_size):
        """Return slices of `chunk_size` that make up `range(n)`, for code of the old package.

        :param n: the end of the range
        :param chunk_size: the length of each slice, but for the last one
        :return: a list of slices
        """
        return [slice(first, min(first + chunk_size, n), 1) for first in range(0, n, chunk_size)]

    def is_alive(self):
        """Return whether workers are alive, which they are only during a call."""
        return self._pool is not None and self._pool.is_alive()

    def wait_until_dead(self):
        """Return at once, since a call leaves no worker behind."""

    def __iter__(self):
        """Return an iterator over the workers of the call that is under way."""
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
