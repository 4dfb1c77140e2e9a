"""The names of channels on a link.

Both ends must find the same name, although the processes share nothing. So equal objects have to have equal names. The
name of a number is its value, that of a text its characters, that of an enum its class and name, and that of a tuple or
frozenset consists of the names of its elements. The name of anything else is its pickle.
"""

import enum
import io
import pickle


def key_of(channel_id):
    """Return the name of a channel.

    :param channel_id: the object that names the channel for the program
    :return: an int or a str, which C++ programs can use, too; or bytes
    :raises TypeError: if the object cannot be hashed
    :raises Exception: what pickling it raises
    """
    hash(channel_id)
    if isinstance(channel_id, float) and channel_id.is_integer():
        channel_id = int(channel_id)
    if isinstance(channel_id, int) and -(2**63) <= channel_id < 2**64:
        return int(channel_id)
    if isinstance(channel_id, str) and not _has_surrogates(channel_id):
        return str.__str__(channel_id)
    return _bytes_of(channel_id)


def _has_surrogates(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _bytes_of(value):
    if isinstance(value, enum.Enum) and not isinstance(value, (int, str)):
        return _tagged("enum", f"{type(value).__module__}.{type(value).__qualname__}.{value.name}".encode())
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return _tagged("int", b"%d" % value)
    if isinstance(value, str):
        return _tagged("str", value.encode(errors="surrogatepass"))
    if isinstance(value, bytes):
        return _tagged("bytes", value)
    if type(value) is tuple:
        return _tagged("tuple", *map(_bytes_of, value))
    if type(value) is frozenset:
        return _tagged("frozenset", *sorted(map(_bytes_of, value)))
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=5)
    pickler.fast = True  # without a memo, which can make the pickles of equal objects differ
    pickler.dump(value)
    return _tagged("pickle", file.getvalue())


def _tagged(tag, *parts):
    return b"".join([tag.encode()] + [b"(%d)" % len(part) + part for part in parts])
