"""Errors as they travel."""

import itertools

from fields import DATA, DETAILS, SYSTEM, text, u32, u64


def error_payload():
    for value in (DETAILS, SYSTEM, DATA, text(b"why"), u32(0) + b"\1\1" + text(b"why: Success"), text(b""), b""):
        for which in range(8):
            yield bytes([which]) + value
        for row in range(6):
            yield bytes([1, row]) + text(b"type") + text(b"what") + value
    for category, has_text, words in itertools.product(
        range(2), range(2), (b"", b"open", b"open: No such file or directory")
    ):
        yield bytes([6, category]) + u32(2) + bytes([has_text]) + words
    yield b"\0" + u64(0) + text(b"type") + text(b"what")
    yield b"\0" + u64(12345) + text(b"type") + text(b"what") + b"more"
