"""Sends values to itself, and changes their bytes in the link's memory before it receives them, as a lying peer could:
lying_peer.py seed rounds

Pickles stay as they are: what they do is the peer's, whatever they are (SECURITY.md). Prints how each round ended.
"""

import collections
import os
import random
import resource
import struct
import sys
from dataclasses import dataclass

import coproc
import numpy as np

MIB = 1 << 20
BEFORE, BEHIND = 48, 200  # of the marker: bytes that say what the message is, and its own


@dataclass
class Point:
    x: int
    y: float
    name: str
    data: bytes = b"data"


# What a message of each kind holds, and its channel: one of them has the marker.
KINDS = {
    "text": lambda marker: (marker, None),
    "bytes": lambda marker: (marker.encode(), None),
    "object": lambda marker: (Point(1, 2.5, marker), None),
    "nested": lambda marker: ([marker, {"a": 1}], None),
    "array": lambda marker: ((marker, np.zeros(MIB // 4)), None),
    "memoryview": lambda marker: (memoryview(bytes(MIB // 8)), marker),
    "large bytes": lambda marker: (bytes(MIB // 8), marker),
    "long text": lambda marker: ("x" * (MIB // 32), marker),
}


class Memory:
    """Of this process, where its links are."""

    def __init__(self):
        self._file = os.open("/proc/self/mem", os.O_RDWR)

    def read(self, first, size):
        return os.pread(self._file, size, first)

    def write(self, first, data):
        os.pwrite(self._file, data, first)

    def find(self, wanted):
        for line in open("/proc/self/maps"):
            first, end = (int(number, 16) for number in line.split()[0].split("-"))
            if "/memfd:coproc-link" in line and end - first < MIB:  # not what is lent
                at = self.read(first, end - first).find(wanted)
                if at >= 0:
                    return first + at
        raise LookupError(f"no link holds {wanted}")


def places(memory, first):
    """The addresses around a marker, but for those in a pickle: its length precedes it."""
    window = memory.read(first, BEFORE + BEHIND)
    pickle = window.find(b"\x80\x05\x95")
    if pickle < 0:
        return range(first, first + len(window))
    end = pickle + struct.unpack("<Q", window[pickle - 8 : pickle])[0]
    return [first + i for i in range(len(window)) if not pickle <= i < end]


def lie(rng, memory, at):
    kind = rng.randrange(3)
    if kind == 0:
        memory.write(at, bytes([memory.read(at, 1)[0] ^ 1 << rng.randrange(8)]))
    elif kind == 1:
        memory.write(at, bytes([rng.choice([0, 1, 0x7F, 0x80, 0xFF])]))
    else:
        memory.write(at, bytes([rng.randrange(256)]))


def main(seed, rounds):
    rng = random.Random(seed)
    memory = Memory()
    outcomes = collections.Counter()
    # A length that is believed is not to take the machine with it.
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
    for number in range(rounds):
        marker = f"marker {number:08}"
        value, channel = KINDS[rng.choice(list(KINDS))](marker)
        ours, theirs = coproc.PriorityMessenger.new_pair()
        theirs.send_norequest(value, channel, timeout=60)
        at = memory.find(marker.encode()) - BEFORE
        for place in rng.choices(places(memory, at), k=rng.randrange(1, 5)):
            lie(rng, memory, place)
        try:
            outcomes["a value" if ours.receive_available(channel) else "nothing"] += 1
        except MemoryError:
            raise
        except (Exception, coproc.ResourceRequestedClose) as error:
            outcomes[type(error).__name__] += 1
    print(*(f"{outcome}: {times}" for outcome, times in outcomes.most_common()), sep="\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
