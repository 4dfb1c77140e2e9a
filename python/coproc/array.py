"""NumPy arrays in memory that a link shares."""

import math
import operator
import weakref

#: A weak reference to the messenger of the worker that was started last, for `empty` without a messenger.
_latest = None


def note_latest(messenger):
    """Make this messenger the one that `empty` uses if it is given none."""
    global _latest
    _latest = weakref.ref(messenger)


def empty(shape, dtype=float, messenger=None):
    """Make a NumPy array in memory that a link shares. Sending it copies nothing, whatever its size.

    Its elements are not initialised. `Messenger.empty` says more about such arrays. Does not block.

    :param shape: the length, or a sequence of lengths
    :param dtype: the type of the elements, float by default
    :param messenger: The messenger through which the array will be sent. None, the default, stands for the messenger of
        the worker that this process has started last, and in a worker for that of its host.
    :return: the array
    :raises ValueError: if there is no worker and no messenger was given, a length is negative, or the elements are
        Python objects
    :raises TypeError: if `shape` or `dtype` is not one
    :raises LoanError: if there is no room: receive something, since the other side may wait for that, or send an
        ordinary array
    :raises MessageTooLargeError: if the array is larger than `LinkOptions.max_message_bytes`
    :raises LinkClosedError: if the messenger was closed
    :raises ImportError: if NumPy is not installed
    """
    if messenger is None:
        messenger = _latest and _latest()
    if messenger is None:
        raise ValueError("empty: start a worker first, or say which messenger the array is to be sent through")
    return messenger.empty(shape, dtype)


def empty_in(messenger, shape, dtype):
    """Make the array of `Messenger.empty`."""
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
