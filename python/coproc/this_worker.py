"""In a worker: how it differs from the other workers of its host."""

import itertools
import os
import secrets

from . import _core

_ALL = (1 << 64) - 1
_started = itertools.count()
_own = None  # the number and the seed of this process, if it is a worker in Python


def number():
    """Return the number of this worker.

    It is `WorkerResource(number=...)`, or otherwise the number of workers that the host had started before. In a pool
    it is the worker's place, which a replacement takes over.

    :return: the number; 0 in a process that is not a worker
    """
    return _core.own_number() if _own is None else _own[0]


def seed():
    """Return a seed for random numbers that no other worker has.

    With `WorkerResource(seed=...)` or `Pool(seed=...)` it follows from that seed and the worker's number, so that a run
    can be repeated. Without it, each start has another seed. `random` and `numpy.random` are seeded with it before the
    target runs.

    :return: a number of 64 bits
    """
    return _core.own_seed() if _own is None else _own[1]


def restored(default=None):
    """Return the state that this worker was given: the newest one that a worker before it has saved.

    Both are workers of the same Supervised, and saved it by the messenger's `save`, `save_and_reply` or
    `save_and_reply_to`. Each call decodes it anew. Does not block.

    :param default: What is returned if there is none, None by default: this is the first worker since `start`, none
        before has saved anything, or the state was dropped, since workers ended by it (RestartOptions.state_attempts).
    :return: the state
    :raises Exception: what unpickling the state raises
    """
    state = _core.own_restored()
    return default if state is None else state[0]


def beat(note=""):
    """Tell the host that this worker is getting on with what it does.

    A supervised worker with a limit for beats that has called this once, and then does not for longer than that, is
    taken for hung, and ended. The call takes no lock and does not block; any thread may make it. Does nothing in a
    process that is not a worker.

    :param note: a text such as "chunk 17", of which the first 40 bytes are told with the end; empty by default
    """
    _core.beat(note)


def confine(sandbox=None, limits=None):
    """Put this process into a box, for ever: open and import what is needed first, then close the door.

    Further calls can only make the box tighter. The host does not know of it, and goes on to unpickle what this worker
    sends, unless its messenger has `codec="msgpack"` (docs/sandbox.md).

    :param sandbox: the Sandbox; None, the default, sets limits alone
    :param limits: the Limits; None, the default, for none
    :return: the Confinement, which says what the system enforces
    :raises ValueError: if this process has other threads, which would stay outside of the sandbox
    :raises SandboxError: if the system cannot enforce everything, and the sandbox is not `best_effort`
    :raises ImportError: if msgpack is not installed
    """
    from .worker_resource.box import confine

    return confine(sandbox, limits)


def new_identity(number=None, seed=None):
    """Return the number and the seed of the next worker of this process."""
    count = next(_started)
    number = count if number is None else number
    return number, secrets.randbits(64) if seed is None else _mixed(seed, number)


def _mixed(seed, number):
    """Make a seed by splitmix64, as in C++, so that neighbouring numbers have seeds with nothing in common."""
    bits = (seed + (number + 1) * 0x9E3779B97F4A7C15) & _ALL
    bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & _ALL
    bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & _ALL
    return bits ^ bits >> 31


def check_identity(number, seed):
    """Raise ValueError unless both are whole numbers from 0, or None."""
    for name, value in (("number", number), ("seed", seed)):
        if value is not None and (not isinstance(value, int) or value < 0):
            raise ValueError(f"{name}: a whole number from 0, or None, not {value!r}")


def assume(identity):
    """Give this process, a worker, its number and its seed."""
    global _own
    _own = identity


def _begin_anew():
    global _started
    _started = itertools.count()


os.register_at_fork(after_in_child=_begin_anew)
