"""An item is what it was when it was drawn from its source, whatever becomes of the object."""

import os
import signal

import numpy as np
import pytest
from coproc import LazyPool


def in_buffer(count):
    """Each item is the same object, filled anew."""
    buffer = np.zeros(3)
    for i in range(count):
        buffer[:] = i
        yield buffer


def in_list(count):
    holder = []
    for i in range(count):
        holder[:] = [i, i, i]
        yield holder


def in_tuple(count):
    return ((buffer, 0) for buffer in in_buffer(count))


def in_large_buffer(count):
    buffer = np.zeros(20_000)
    for i in range(count):
        buffer[:] = i
        yield buffer


@pytest.mark.parametrize("source", [in_buffer, in_list, in_tuple, in_large_buffer])
@pytest.mark.parametrize("chunksize", [None, 7])
def test_an_item_is_taken_when_it_is_drawn(pool, source, chunksize):
    def first(item):
        while not isinstance(item, (int, float)):
            item = item[0]
        return item

    count = 60
    assert pool.map(first, source(count), chunksize) == list(range(count))
    assert list(pool.imap(first, source(count), chunksize)) == list(range(count))
    assert sorted(pool.map_unordered(first, source(count), chunksize)) == list(range(count))


def test_an_item_that_is_run_again_is_the_one_that_was_drawn(pool, tmp_path):
    def die_once(item):
        marker = tmp_path / str(item[0])
        if item[0] % 10 == 5 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item[0]

    assert pool.map(die_once, in_list(30), chunksize=6, max_retries=1) == list(range(30))


def in_view(count):
    buffer = bytearray(3)
    for i in range(count):
        buffer[0] = i
        yield memoryview(buffer)[:2]


@pytest.mark.filterwarnings("ignore:.*is forked while this process has")
@pytest.mark.parametrize("source", [in_buffer, in_list, in_tuple, in_view])
def test_a_lazy_pool_takes_buffers_when_they_are_drawn(source):
    """Its workers are forked when all have been drawn: each item was what the last one is."""

    def first(item):
        while not isinstance(item, (int, float)):
            item = item[0]
        return item

    lazy = LazyPool(2)
    assert lazy.map(first, source(20)) == list(range(20))
    assert sorted(lazy.map_unordered(first, source(20))) == list(range(20))


def test_a_lazy_pool_takes_what_is_no_buffer_as_it_is():
    class Unpicklable:
        def __reduce__(self):
            raise TypeError("never")

    items = [Unpicklable() for _ in range(5)]
    assert LazyPool(2).map(lambda item: items.index(item), iter(items)) == [0, 1, 2, 3, 4]
