"""The memory of links that `coproc` looks at."""

import struct

from fields import u32, u64


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
