"""A peer that writes into the header of the ring, or over its records."""

import itertools

from fields import INT, MESSAGE, u16, u64
from host import look, receive, send


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
