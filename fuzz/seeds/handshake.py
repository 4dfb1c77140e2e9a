"""Reports of workers, and start requests."""

import struct

from fields import text, u32, u64


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
