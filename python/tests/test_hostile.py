"""A peer that lies in the link's memory: every lie is a value like another, or an exception."""

import os
import pathlib
import subprocess
import sys

import pytest

LYING_PEER = pathlib.Path(__file__).with_name("lying_peer.py")


@pytest.mark.parametrize("seed", [1, 2])
def test_changed_bytes_end_in_an_exception_at_worst(seed):
    rounds = int(os.environ.get("COPROC_HOSTILE_MUTATIONS", 3000))
    done = subprocess.run([sys.executable, "-B", LYING_PEER, str(seed), str(rounds)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    ends = {end: int(times) for end, times in (line.split(": ") for line in done.stdout.splitlines())}
    assert sum(ends.values()) == rounds
    # The lies were told about all that a message is: the link's part, coproc's, and Python's.
    assert all(
        ends.get(end, 0) > rounds // 1000 for end in ["a value", "ProtocolError", "DecodeError", "UnicodeDecodeError"]
    ), ends
