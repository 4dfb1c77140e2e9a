"""Frames between the agents of a worker on a machine."""

import random

from fields import u16, u32


def wire():
    # A frame: its type, its value, its payload; then whether it is cut, and whether the link's user reads.
    def frame(kind, payload=b"", value=0, cut=255, reads=1):
        number = 16 * 2 + kind if kind < 16 else 225 + kind - 16
        return bytes([number, value]) + payload + bytes([cut, reads])

    def records(*sizes, lengths=()):
        lengths = dict(lengths)
        return bytes([len(sizes)]) + b"".join(
            u16(size - 4) + b"r" + (b"\0" + u32(lengths[i]) if i in lengths else b"\1") for i, size in enumerate(sizes)
        )

    known, any_bytes = b"\0", b"\xff"
    ended = known + b"\1" + u16(3) + b"\5" + b"\7" + b"\xff"
    for side in (b"\0\0\0", b"\1\0"):
        yield side + frame(4, records(5, 1024, 100)) + frame(5, known)
        yield side + frame(4, records(1024, 1024, 1024), reads=0) * 400  # beyond the window
        yield side + (frame(4, records(1024, 500), reads=0) + frame(5, known, reads=0)) * 20 + frame(4, records(5))
        yield side + frame(4, records(1025)) + frame(4, records(5))
        for length in (0, 4, 5, 99, 101, 2**31, 2**32 - 1):
            yield side + frame(4, records(100, 100, lengths={0: length}))
            yield side + frame(4, records(100, 100, lengths={1: length}))
        for kind in range(19):
            yield side + frame(kind, known + bytes(20))
            yield side + frame(kind, any_bytes + b"\5hello", value=1)
            yield side + frame(4, records(40), cut=7) + frame(kind, known + bytes(20))
        yield side + frame(13, ended) + frame(4, records(40)) + frame(14)
        yield side + frame(8, known, value=1) * 3 + frame(9, any_bytes + b"\3why") + frame(13, ended) + frame(14)
        for answer in (15, 16):  # signs of life, in their order and not
            yield side + frame(answer, known, value=1) + frame(4, records(40)) + frame(answer, known, value=2)
            yield side + frame(answer, known, value=2) + frame(answer, known, value=2)
            yield side + frame(answer, known, value=3) + frame(17, known) + frame(4, records(40))
        yield side + frame(13, ended) + frame(15, known, value=1) + frame(17, known)
        yield side[:1] + b"\xff\xff" + frame(1, known) + frame(3, known)
    dice = random.Random(1)
    for _ in range(40):
        yield bytes([dice.randrange(2), 0, 0]) + bytes(dice.randrange(256) for _ in range(300))
