"""In a worker: what tells it apart from its host's others."""

import itertools
import os
import secrets

from . import _core

_ALL = (1 << 64) - 1
_started = itertools.count()
_own = None  # of this process, where it is a worker in Python


def number():
    """`WorkerResource(number=...)`, the place in a pool, which a replacement takes over, or how many workers the host had started before.

    In a process that is no worker: 0.
    """
    return _core.own_number() if _own is None else _own[0]


def seed():
    """A number of 64 bits that no other worker has, to seed generators with.

    With `WorkerResource(seed=...)` or `Pool(seed=...)` it follows from that and the number, so that a run can be had again. `random` and `numpy.random` are
    seeded with it before the target runs.
    """
    return _core.own_seed() if _own is None else _own[1]


def new_identity(number=None, seed=None):
    """Of the next worker of this process: its number and its seed."""
    count = next(_started)
    number = count if number is None else number
    return number, secrets.randbits(64) if seed is None else _mixed(seed, number)


def _mixed(seed, number):
    """Numbers that lie close together become seeds that have nothing in common (splitmix64), the same as in C++."""
    bits = (seed + (number + 1) * 0x9E3779B97F4A7C15) & _ALL
    bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & _ALL
    bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & _ALL
    return bits ^ bits >> 31


def check_identity(number, seed):
    for name, value in (("number", number), ("seed", seed)):
        if value is not None and (not isinstance(value, int) or value < 0):
            raise ValueError(f"{name}: a whole number from 0, or None, not {value!r}")


def assume(identity):
    global _own
    _own = identity


def _begin_anew():
    global _started
    _started = itertools.count()


os.register_at_fork(after_in_child=_begin_anew)
