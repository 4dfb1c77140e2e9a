"""An item is what it was when it was drawn from its source, whatever becomes of the object."""

import os
import signal

import numpy as np
import pytest


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
