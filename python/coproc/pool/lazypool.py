"""A pool whose workers are forked at the call, so that functions and items need not be pickled."""

import contextlib

from .arguments import check_count, check_map, check_task
from .drawn import length_of, snapshot
from .pool import Pool
from .results import Results
from .worker import ONE


class LazyPool:
    """A pool whose workers are forked at each call, so that they have a copy of everything in the host.

        scores = coproc.LazyPool().map(lambda candidate: model.score(candidate), candidates)

    Therefore the function may be any closure, and the items need not be picklable. Only indices of items go to the
    workers. Results are pickled. What a fork does not keep is missing in the workers: other threads, and the locks that
    these hold stay locked.

    :param n: the number of workers; None, the default, for as many as this process may use processors
    :param verbose: of no effect, for code of the old package
    :raises TypeError: if `n` is no whole number
    :raises ValueError: if it is less than 1, or more than 65,536
    """

    def __init__(self, n=None, verbose=False):
        if n is not None:
            check_count("n", n)
        self.n = n
        self.verbose = verbose
        self._pool = None

    def map(
        self, func, datas, chunksize=None, channel_id=None, *, time_limit=None, max_retries=0, stop_on_error=False,
        progress=None,
    ):  # fmt: skip
        """Return `[func(data) for data in datas]`, which forked workers compute. Blocks until all results are there.

        :param func: the function
        :param datas: A sequence of its arguments. Another iterable is made a list first, with buffers and containers
            (lists, dicts, arrays) copied as they are when they are drawn.
        :param chunksize: as of `Pool.map`
        :param channel_id: of no effect, for code of the old package
        :param time_limit: as of `Pool.map`
        :param max_retries: as of `Pool.map`
        :param stop_on_error: as of `Pool.map`
        :param progress: as of `Pool.map`
        :return: the list of the results, in the order of the input
        :raises Exception: as `Pool.map`
        """
        datas = _indexable(datas)
        with self._forked(func, datas) as pool:
            return pool.map(
                _call, range(len(datas)), chunksize, time_limit=time_limit, max_retries=max_retries,
                stop_on_error=stop_on_error, progress=progress,
            )  # fmt: skip

    def map_unordered(
        self, func, datas, chunksize=None, channel_id=None, *, time_limit=None, max_retries=0, stop_on_error=False,
        progress=None,
    ):  # fmt: skip
        """Return an iterator over `func(data) for data in datas`, in the order in which the results come.

        The workers are forked when the first result is asked for. They end with the last result, or when the iterator
        is closed.

        :param func: the function
        :param datas: A sequence of its arguments. Another iterable is made a list first, with buffers and containers
            (lists, dicts, arrays) copied as they are when they are drawn.
        :param chunksize: as of `Pool.map`
        :param channel_id: of no effect, for code of the old package
        :param time_limit: as of `Pool.map`
        :param max_retries: as of `Pool.map`
        :param stop_on_error: as of `Pool.map`
        :param progress: as of `Pool.map`
        :return: Results, whose `as_results()` have the indices
        :raises Exception: as `Pool.map_unordered`
        """
        datas = _indexable(datas)
        check_task(func, time_limit, max_retries)
        check_map(chunksize, progress, stop_on_error)
        options = (chunksize, time_limit, max_retries, stop_on_error, progress)
        return Results(
            _ForkedLater(
                self._forked(func, datas),
                lambda pool: pool._stretches(_call, range(len(datas)), ONE, False, *options),
            )
        )

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


class _ForkedLater:
    """The stretches of results of a map, whose pool is made when the first one is asked for.

    :param pool: a context manager for the pool
    :param begin: what is called with the pool, and returns the Reader of the map
    """

    def __init__(self, pool, begin):
        self._begin = begin
        self._pool = pool
        self._is_numbered = self._is_over = False
        self._reader = None

    def __iter__(self):
        return self

    def __next__(self):
        if self._is_over:
            raise StopIteration
        try:
            if self._reader is None:
                self._reader = self._begin(self._pool.__enter__())
                if self._is_numbered:
                    self._reader.number()
            return next(self._reader)
        except BaseException:
            self.close()
            raise

    def number(self):
        """Return TaskResults in the place of results and exceptions. Only before the first `next`."""
        if self._reader is not None:
            self._reader.number()
        self._is_numbered = True

    def close(self):
        """End the workers."""
        is_made, self._is_over = self._reader is not None and not self._is_over, True
        if is_made:
            self._reader.close()
            self._pool.__exit__(None, None, None)


def _indexable(datas):
    is_indexable = hasattr(type(datas), "__getitem__") and not hasattr(datas, "keys") and length_of(datas) is not None
    return (
        datas if is_indexable else [snapshot(item) for item in datas]
    )  # without a question for a length, which may fail


def _call(state, index):
    func, datas = state
    return func(datas[index])
