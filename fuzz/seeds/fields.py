"""What inputs are made of: numbers, texts, values of types of types.hpp, and kinds of frames."""

import struct

MESSAGE, REQUEST, REPLY, ERROR_REPLY, ERROR, FINAL, CHANNEL, TYPE, FRAGMENT, END = range(1, 11)


def u16(n):
    return struct.pack("<H", n)


def u32(n):
    return struct.pack("<I", n)


def u64(n):
    return struct.pack("<Q", n)


def text(s):
    return u64(len(s)) + s


INT, STRING, DATA, BOOLS = u32(7), text(b"hello"), u32(1) + u64(1) + text(b"word") + u32(2), u64(3) + b"\1\0\1"
VALUES = [INT, STRING, DATA, BOOLS]
DETAILS = u32(1) + text(b"path")
SYSTEM = u32(2) + b"\0\1" + text(b"open: No such file or directory")
