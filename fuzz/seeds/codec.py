"""Encodings of values, whole and not."""

import itertools

from fields import text, u16, u32, u64


def codec():
    payloads = [
        b"",
        b"\0" * 64,
        b"\1" * 64,
        b"\xff" * 64,
        u64(2) + u32(1) * 40,
        u64(2) + text(b"ab") * 2 + text(b"c"),
        u64(1) + u32(1) + u64(1) + u32(2) + text(b"x"),
        text("ab\0\0cd\0\0".encode()),
        u64(60) + b"\0" * 60,
        u16(3) + text(b"json"),
        u16(4) + u64(2) + u16(0) + u16(1) + b"\1",
        u16(5) + u64(1) + text(b"k") + u16(0),
        u32(1) + u64(2) + u32(2) + u64(0) + u32(3) + u64(1) + u32(4) + u64(0),
        (u16(4) + u64(1)) * 110,
        (u32(1) + u64(1)) * 110,
        b"\0" * 64 + text(b"t") + b"\1" + b"\0" * 64,
        u64(3000) + b"\0" * 3000,
        u64(300) + b"\0" * 2400,
    ]
    for which, payload in itertools.product(range(100), payloads):
        for before in (b"\0", bytes([min(len(payload), 40)]) + payload[:40]):
            yield bytes([which]) + before + u16(len(payload)) + payload
