"""NumPy arrays in memory that a link shares."""

import math
import operator
import weakref

#: Of the worker that was started last, for `empty` without a messenger.
_latest = None


def note_latest(messenger):
    global _latest
    _latest = weakref.ref(messenger)


def empty(shape, dtype=float, messenger=None):
    """A NumPy array in shared memory, to be filled and sent through `messenger` without a copy.

    Without a messenger it is for the worker that this process has started last; in a worker, for its host. See `Messenger.empty`.
    """
    if messenger is None:
        messenger = _latest and _latest()
    if messenger is None:
        raise ValueError("empty: start a worker first, or say which messenger the array is to be sent through")
    return messenger.empty(shape, dtype)


def empty_in(messenger, shape, dtype):
    import numpy

    dtype = numpy.dtype(dtype)
    if dtype.hasobject:
        raise ValueError(
            f"empty: an array of {dtype} holds Python objects, which cannot be shared: take numbers, or send a list"
        )
    try:
        shape = (operator.index(shape),)
    except TypeError:
        shape = tuple(operator.index(length) for length in shape)
    if any(length < 0 for length in shape):
        raise ValueError(f"empty: negative lengths in the shape {shape}")
    size = math.prod(shape) * dtype.itemsize
    if size == 0:
        return numpy.empty(shape, dtype)
    return numpy.frombuffer(messenger._lend(size), dtype).reshape(shape)
