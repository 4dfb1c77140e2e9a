#!/usr/bin/python3
"""Writes inputs for each fuzz target, as its .cpp reads them, that reach deep states: seeds.py <folder>.

It is needed only after a change in the way in which a target reads its input; CONTRIBUTING.md says how these inputs
become a corpus.
"""
import itertools
import pathlib
import random
import struct
import sys

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

# ---- what the host does (host.cpp) ----


def receive(how, channel=0, kind=0):
    return bytes([0, 0, channel, how, kind]) + bytes(how == 5)


def look(how, channel=0):
    return bytes([0, 1, channel, how])


def send(how, channel=0, size=0):
    return bytes([0, 2, channel, how, size])


RECEIVES = b"".join(receive(how, 0, kind) for how in range(8) for kind in range(4))


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


def ring_header():
    def declare(kind):
        return bytes([1, 0, kind])

    def put(kind, value_type, payload, request=0):
        return bytes([1, 1, kind - 1, value_type - 1, request, len(payload)]) + payload

    def position(which, how, value):
        return bytes([1, 4, which, how]) + value

    def word(which, value, side=1):
        return bytes([1, 5, side, 0, value, which])

    def length(place, value):
        return b"\1\6" + u16(place) + b"\0" + u16(value)

    def anywhere(place, what):
        return b"\1\7" + u16(place) + bytes([len(what)]) + what

    take = b"\1\3"

    for options in (b"\0\0", b"\1\1"):
        start = options + declare(0) + declare(1) + declare(2)
        calls = [
            receive(3),
            receive(7),
            receive(1),
            look(0),
            look(3),
            send(0),
            send(1, 0, 250),
            send(2) + receive(5),
            receive(6),
            look(7),
        ]
        for call in calls:
            message = put(MESSAGE, 1, INT)
            yield start + message * 2 + call + word(2, 1) + call + message + call
            for which in range(4):
                for how, value in (
                    (0, u64(2**63)),
                    (0, u64(4096)),
                    (1, u16(4)),
                    (2, b"\1"),
                    (2, b"\xff"),
                    (3, b"\4"),
                ):
                    yield start + message + position(which, how, value) + call * 2 + message + call + send(
                        1, 0, 250
                    ) * 3
            for which, value in itertools.product(range(4), (1, 2, 7)):
                yield start + word(which, value) + call + message + word(which, 0) + call + word(which, value, 0) + call
            for value in (0, 3, 33, 1025, 4096, 65535):
                yield start + message + length(0, value) + length(22, value) + call * 2
            yield start + anywhere(64, b"\xff" * 250) + call + message + call
            yield start + message + anywhere(4096 + 4096 + 100, b"\xff" * 60) + call
        fill = (put(MESSAGE, 1, b"x" * 250) * 10 + look(1)) * 5
        yield start + fill + receive(1) * 2
        yield start + (send(1, 0, 20) * 6 + take) * 3 + send(1, 0, 250) + take + position(1, 2, b"\1") + send(1, 0, 250)
        # A record that goes on beyond the end of the ring, and one that ends with it.
        for size in (1000, 1024, 600, 4):
            yield (
                start
                + put(MESSAGE, 1, b"x" * 250) * 11
                + look(1)
                + put(MESSAGE, 1, b"y" * 250) * 10
                + b"".join(length(place, size) for place in range(380, 512))
                + look(1)
                + receive(3)
            )
        yield start + fill + word(3, 1) + send(1, 0, 250) * 4 + take + send(1, 0, 25) * 4


def handshake():
    def report(stage, error, words, length=None):
        return b"\0\1" + struct.pack("<iiI", stage, error, len(words) if length is None else length) + words

    def request(environment=None, keep=(), fds=5, version=1, magic=0x74727473, length=None, leads=0, more=b""):
        body = text(b"worker") + u32(4711)
        body += b"\0" if environment is None else b"\1" + u64(len(environment)) + b"".join(map(text, environment))
        body += (
            u64(len(keep)) + b"".join(map(u32, keep)) + bytes([leads]) + text(b"\xff" * 128) + text(b"payload") + more
        )
        return b"\1" + bytes([fds]) + u32(magic) + u32(version) + u64(len(body) if length is None else length) + body

    for stage, words, length in (
        (0, b"", None),
        (14, b"its function was not found", None),
        (99, b"", None),
        (-1, b"", None),
        (14, b"short", 4000),
        (14, b"x" * 5000, 2**32 - 1),
    ):
        yield report(stage, 2, words, length)
    yield from (b"\0", b"\0\1", b"\1\5", request()[:10], request(), request([b"A=b", b"PATH=/bin"]))
    yield from (request(keep=(5, 6), fds=7, leads=1), request(fds=3), request(keep=range(5, 11)), request(version=2))
    yield from (
        request(magic=1),
        request(length=2**39),
        request(length=2**63),
        request(length=20),
        request(more=b"more"),
    )
    yield request(leads=2)


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


def link_sight():
    def header(ring=65536, loans=0, version=1, waiting=0, positions=(0, 0, 0, 0)):
        page = bytearray(448)
        page[:32] = struct.pack("<QIIQQ", 0x6B6E696C63706F63, version, 0, ring, loans)
        page[64:68] = page[128:132] = u32(waiting)
        for at, position in zip((192, 256, 320, 384), positions):
            page[at : at + 8] = u64(position)
        return bytes(page)

    def record(kind, size, pad=False):
        return u32(size | (1 << 31 if pad else 0)) + bytes([kind]) + bytes((size + 7) // 8 * 8 - 5)

    all_kinds = b"".join(record(kind, 32 + 7 * kind) for kind in range(1, 14))
    yield header() + all_kinds
    yield header(positions=(4096, 0, 65536, 8)) + record(1, 40) + record(0, 200, pad=True) + record(2, 48)
    yield header(waiting=7, positions=(65536, 8192, 8, 4096), loans=1 << 32) + all_kinds[:-8]
    yield header(ring=1 << 30, positions=(2**64 - 8, 2**64 - 64, 0, 0)) + record(1, 1500) + record(9, 1500)
    yield header(ring=4096) + record(1, 1024) + record(1, 1032)
    yield header(version=2)
    yield header(ring=5000)
    yield header(loans=3)
    yield header(positions=(4, 0, 0, 0))
    yield header(positions=(1 << 40, 0, 0, 0))
    yield header()[:100]
    yield b""


def trunk():
    types = "hello welcome open opened data end credit gone ping pong forget records".split()

    def act(what, branch=0):
        return bytes([0, branch, ["open", "ask", "send", "pass_on", "give_up"].index(what)])

    def frame(name, number=0, size=0, amount=0, contents=True):
        """The number is that of a ping, or the place of a branch among those that there are."""
        which = b"" if name in ("open", "hello") else bytes([number])
        which += u16(amount) if name == "credit" else b""
        inside = (b"\0" + u16(size) if name == "data" else b"\0") if contents else b"\xff\0"
        return bytes([1, 12 + types.index(name), 255]) + which + inside + b"\xff"

    def raw(data):
        return b"\1\0" + bytes([len(data)]) + data + b"\xff"

    near, far = b"\0\0", b"\1\0"
    opened = near + act("open") + frame("opened")
    yield opened + frame("data", 0, 5) + act("send") * 3 + frame("credit", 0, 0, 20000) + frame("end") + frame(
        "gone"
    ) + act("give_up") + act("open") + frame("opened")
    yield far + frame("open") * 3 + frame("data", 1, 60000) * 17 + act("pass_on", 1) + frame("data", 1, 9) + frame(
        "end", 1
    ) + act("give_up", 1) + frame("forget", 1) + frame("open")
    yield far + act("ask") * 4 + frame("pong", 2) + frame("pong", 4) + frame("pong", 4)
    yield near + frame("ping", 3) + frame("ping", 3)
    yield opened + frame("data", 0, 65000) * 17
    yield opened + act("send") + frame("credit", 0, 0, 9001)
    for last in ("opened", "data", "end", "credit", "gone", "ping", "pong", "forget", "open", "records", "hello"):
        yield opened + frame("end") + frame(last, 1)
        yield opened + frame("end") + frame("gone") + frame(last)
        yield near + act("open") + frame(last)
        yield far + frame("open") + frame(last, 1)
        yield far + frame(last)
        yield opened + frame(last, contents=False)
        yield near[:1] + b"\xff" + frame(last)
    yield opened + raw(b"\1\0\0\0\x15\0\0\0\1\0\0\0\0\0\0\0x")
    yield opened + raw(b"\1\0\0\0\x15\1\0\0\1\0\0\0\0\0\0\0x")
    yield far[:1] + b"\xff" + frame("welcome", 5) + frame("open")


for target in (frames, codec, error_payload, handshake, link_sight, ring_header, trunk, wire):
    folder = pathlib.Path(sys.argv[1]) / target.__name__
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target()):
        (folder / f"{number:04}").write_bytes(data)
