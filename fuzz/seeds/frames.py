"""Messages of a peer that keeps and breaks the rules of frames, and what the host does meanwhile."""

from fields import (
    DATA,
    DETAILS,
    END,
    ERROR,
    ERROR_REPLY,
    FINAL,
    INT,
    MESSAGE,
    REPLY,
    REQUEST,
    SYSTEM,
    TYPE,
    VALUES,
    text,
    u16,
    u32,
    u64,
)
from host import RECEIVES, look, receive, send


def frames():
    def header(kind, flags=0, channel=0, kind_of_value=0, request=0, priority=0):
        return bytes([kind, flags, channel + 8 * kind_of_value, request, priority])

    def raw(record):
        return b"\1\0" + u16(len(record)) + record

    def frame(head, payload=b""):
        return b"\1\1" + head + u16(len(payload)) + payload

    def begin(head, total, first):
        return b"\1\4" + head + u16(total) + u16(len(first)) + first

    def piece(size):
        return b"\1\5" + u16(size) + b"p"

    def error(head, row, value):
        return b"\1\6" + head + bytes([row, 2, len(value)]) + value

    def many(head, payload, count):
        return b"\1\7" + head + bytes([len(payload)]) + payload + bytes([count])

    declared = b"".join(bytes([1, 2, c]) for c in (1, 2, 3)) + b"".join(bytes([1, 3, t]) for t in range(4))
    close, read, end = b"\1\11", b"\1\12", b"\1\13x"

    for options in (b"\0\0", b"\1\0", b"\0\1", b"\1\1"):
        start = options + declared
        yield start + receive(7) + receive(0, 1) + (many(header(MESSAGE, 0, 2, 1), INT, 110) + look(1)) * 3 + receive(
            6
        ) + send(2) + receive(6)
        for kind, value in enumerate(VALUES, 1):
            yield start + frame(header(MESSAGE, 0, 0, kind, 0, 3), value) + receive(3, 0, kind - 1)
            yield start + receive(0) + frame(header(MESSAGE, 0, 0, kind), value) + receive(7, 0, kind - 1)
            yield start + receive(0) + frame(header(REQUEST, 0, 0, kind, 3), value) + receive(7, 0, kind - 1) + send(
                4
            ) + receive(7)
            for wrong in (value[:-1], value + b"x"):
                yield start + receive(0) + frame(header(MESSAGE, 0, 0, kind), wrong) + receive(7, 0, kind - 1) * 2
            yield start + receive(0) + frame(header(MESSAGE, 0, 0, kind), value) + receive(7, 0, kind) + receive(7, 1)
            yield start + send(2) * 2 + frame(header(REPLY, 0, 0, kind, 1), value) + receive(6, 0, kind - 1)
            yield start + send(2) + frame(header(REPLY, 0, 0, kind, 1), value) + receive(5, 0, kind - 1)
            yield start + send(2) + frame(header(REPLY, 0, 2, kind, 1), value) * 2 + receive(5, 0, kind - 1) + receive(
                1, 2
            )
            yield start + frame(header(MESSAGE, 0, 2, kind), value) * 3 + receive(4, 2, kind) + receive(1, 2)
            yield start + frame(header(REQUEST, 0, 1, kind, 9), value) * 2 + receive(0, 1) + send(5) + send(4, 1, 9)
            yield start + send(2) * 2 + frame(header(REPLY, 0, 0, kind, 1), value) + receive(5, 0, kind) + receive(6)
            yield start + frame(header(MESSAGE, 0, 0, kind), value[:-1]) + receive(3, 0, kind - 1) + receive(0) * 2
            yield start + send(2) + frame(header(REPLY, 0, 0, kind, 1), value[:-1]) + receive(5, 0, kind - 1) + receive(
                1
            )
        for row, value in enumerate([text(b"why"), DETAILS, SYSTEM, text(b"why"), text(b""), DATA]):
            for kind in (ERROR, FINAL):
                yield start + error(header(kind), row, value) + look(1) + receive(0) * 2
            yield start + send(2) * 2 + error(header(ERROR_REPLY, 0, 0, 0, 1), row, value) + receive(5, 0, 1) + look(7)
            yield start + send(2) + error(header(ERROR_REPLY, 0, 0, 0, 1), row, value) + receive(1) + receive(6)
        yield start + frame(header(MESSAGE, 0, 2, 1), INT) + frame(header(END)) + receive(0) * 2 + receive(1, 2) + look(
            1
        ) + receive(0)
        yield start + send(2) + frame(header(END)) + receive(5) + frame(header(MESSAGE, 0, 0, 1), INT) + receive(0) * 2
        yield start + frame(header(END)) + error(header(FINAL), 1, text(b"why")) + receive(0) * 2 + frame(
            header(END)
        ) + look(1) + receive(0)
        yield start + (error(header(ERROR), 1, u32(0) + text(b"c" * 200)) * 12 + look(1)) * 4 + receive(0) * 4
        yield start + many(header(MESSAGE, 0, 3, 1), INT, 110) + look(0, 3) + many(
            header(MESSAGE, 0, 1, 1), INT, 110
        ) + receive(1, 3) * 3
        yield start + (many(header(MESSAGE, 0, 0, 1), INT, 120) + look(1)) * 20 + receive(0, 1) + receive(1)
        yield start + (many(header(MESSAGE, 0, 0, 1), INT, 120) + look(1)) * 3 + receive(0, 1) + receive(1) * 2
        yield start + begin(header(MESSAGE, 0, 0, 2), 2008, u64(2000) + b"x" * 700) + look(1) + piece(993) + piece(
            300
        ) + receive(3, 0, 1)
        yield start + begin(header(MESSAGE, 0, 0, 2), 8000, u64(7992) + b"x" * 900) + look(1) + (
            piece(992) + look(1)
        ) * 8 + receive(3, 0, 1)
        yield start + begin(header(MESSAGE, 0, 0, 2), 900, b"") + begin(header(MESSAGE, 2, 0, 1), 4, INT) + receive(0)
        yield start + begin(header(ERROR, 0), 900, b"x" * 100) + piece(800) + receive(0) * 2
        yield start + begin(header(TYPE), 16 + 300, u64(99) + u64(300)) + piece(300) + frame(
            header(MESSAGE, 0, 0, 5), INT
        ) + receive(0)
        yield start + begin(header(TYPE), 20, u64(99)) + piece(12) + frame(header(MESSAGE, 0, 0, 5), INT) + receive(0)
        yield start + begin(header(MESSAGE, 0, 0, 2), 60000, b"") + receive(0)
        yield start + piece(5) + receive(0)
        for beyond in (4, 5):  # four channels and four types are declared
            yield start + frame(header(MESSAGE, 0, beyond, 1), INT) + receive(0)
            yield start + frame(header(MESSAGE, 0, 0, beyond + 1), INT) + receive(0)
        yield start + frame(header(REQUEST, 0, 0, 1, 0), INT) + receive(0)
        yield start + frame(header(10, 0, 0, 1), INT) + receive(0)
        yield start + raw(b"\1" * 40) + raw(b"\7\0\0\0") + receive(0)
        yield start + close + receive(0) * 2 + close + send(0) + receive(6)
        yield start + send(1, 1, 24) * 4 + send(1, 2, 250) + read + send(1, 0, 250) * 3 + read + send(0)
        yield start + frame(header(REQUEST, 0, 0, 1, 5), INT) * 3 + receive(1) + send(6, 0, 60) + send(6) + read + send(
            5
        ) * 2
        yield start + frame(header(MESSAGE, 0, 0, 1), INT) + end + receive(3) * 2 + send(0) + RECEIVES
        yield start + look(3) + look(4) + look(3) + receive(0) + look(2) + frame(header(MESSAGE, 0, 0, 1), INT) + look(
            3
        ) + receive(0)
