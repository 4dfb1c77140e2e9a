"""Writes inputs for each fuzz target, as its .cpp reads them, that reach deep states: python3 fuzz/seeds <folder>.

It is needed only after a change in the way in which a target reads its input; CONTRIBUTING.md says how these inputs
become a corpus. The inputs for <target>.cpp are in <target>.py.
"""
import pathlib
import sys

from codec import codec
from error_payload import error_payload
from frames import frames
from handshake import handshake
from link_sight import link_sight
from ring_header import ring_header
from trunk import trunk
from wire import wire

for target in (frames, codec, error_payload, handshake, link_sight, ring_header, trunk, wire):
    folder = pathlib.Path(sys.argv[1]) / target.__name__
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target()):
        (folder / f"{number:04}").write_bytes(data)
