"""MessagePack, for programs in other languages (C++: coproc/msgpack.hpp).

Numbers, text, bytes, lists and dicts become the same in MessagePack. Dataclasses become dicts of their fields, tuples
and sets become lists, and enums become their values. NumPy arrays of numbers become the extension 78, which holds
[dtype, shape, bytes], and arrive as writable arrays.
"""

import dataclasses
import enum

_ARRAY = 78


def _msgpack():
    try:
        import msgpack
    except ImportError:
        raise ImportError(
            "messages for other languages, and of workers in sandboxes, need the package msgpack (Debian: "
            "python3-msgpack)"
        ) from None
    return msgpack


def import_early():
    """Import what the other functions import, in a process that will not be able to.

    :raises ImportError: if msgpack is not installed
    """
    _msgpack()


def pack(value):
    """Encode a value as MessagePack.

    :param value: the value
    :return: the bytes
    :raises TypeError: if MessagePack has no such type
    :raises OverflowError: if an integer has more than 64 bits
    :raises ImportError: if msgpack is not installed
    """
    return _msgpack().packb(value, default=_replace)


def unpack(buffer):
    """Decode MessagePack, whose sender is not trusted.

    :param buffer: the bytes
    :return: the value
    :raises ValueError: if the bytes do not make a value
    :raises ImportError: if msgpack is not installed
    """
    msgpack = _msgpack()
    try:
        return msgpack.unpackb(buffer, ext_hook=_extension, strict_map_key=False)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise ValueError(f"a message is not MessagePack: {error or type(error).__name__}") from error


def _replace(value):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if hasattr(value, "__array__"):
        return _array(value)
    if isinstance(value, int):
        raise OverflowError(
            f"an integer of {value.bit_length()} bits cannot go to a program in another language: at most 64 can"
        )
    raise TypeError(
        f"a value of the type {type(value).__name__} cannot go to a program in another language: send numbers, text, "
        "bytes, lists, dicts, dataclasses or arrays. (Nor does a worker in a sandbox send others, unless its host says "
        "trust_pickle=True.)"
    )


def _array(value):
    import numpy

    array = numpy.asarray(value)
    if array.ndim == 0:
        return array.item()
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"an array of {array.dtype} cannot go to a program in another language: only numbers and bools can"
        )
    array = numpy.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return _msgpack().ExtType(
        _ARRAY, _msgpack().packb([array.dtype.str, array.shape, array.data.cast("B") if array.size else b""])
    )


def _extension(code, data):
    if code != _ARRAY:
        return _msgpack().ExtType(code, data)
    import numpy

    dtype, shape, elements = _msgpack().unpackb(data)
    if not (isinstance(dtype, str) and isinstance(shape, list) and isinstance(elements, bytes)):
        raise ValueError("a received array is not made of [dtype, shape, bytes]")
    dtype = numpy.dtype(dtype)
    if dtype.kind not in "biuf":
        raise ValueError(f"a received array is of {dtype}: only numbers and bools can be sent")
    return numpy.frombuffer(bytearray(elements), dtype).reshape(shape)
