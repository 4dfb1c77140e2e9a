"""Checks the arguments of pools and of their calls."""

import operator

from .. import _core
from ..worker_resource import environment

_MOST_SECONDS = 10**8  # every timer of the kernel takes this much


def check_pool(n, limits, init, exit, env):
    """Raise TypeError or ValueError unless these arguments of `Pool` are valid."""
    if n is not None and _whole("n", n) < 1:
        raise ValueError(f"a pool has one worker at least, not {n}")
    for name, count in limits.items():
        if _whole(name, count) < 0:
            raise ValueError(f"{name}: 0, for no limit, or more, not {count}")
    for name, function in (("init", init), ("exit", exit)):
        if function is not None and not callable(function):
            raise TypeError(f"{name}: a function or None, not {function!r}")
    environment.check(env)


def check_machines(machines, n, pin, memory_per_worker):
    """Raise TypeError or ValueError unless a pool with these arguments can have its workers on these machines."""
    for machine in machines:
        if not isinstance(machine, _core.Machine):
            raise TypeError(f"machines: a list of Machines, not {machine!r}")
    if not machines:
        return
    if n is None:
        raise ValueError("machines: their processors are not counted: give n, the number of workers")
    if pin:
        raise ValueError("machines: pin means processors of this machine: let the launcher's command choose others")
    if memory_per_worker:
        raise ValueError("machines: memory_per_worker is not looked at there: let the launcher's command set a limit")


def check_task(func, time_limit, max_retries):
    """Raise TypeError or ValueError unless a pool can run this function with these options."""
    if not callable(func):
        raise TypeError(f"a pool runs functions, and {func!r} cannot be called")
    if time_limit is not None and not 0 < time_limit <= _MOST_SECONDS:
        raise ValueError(f"time_limit: a positive number of seconds, at most {_MOST_SECONDS}, not {time_limit!r}")
    if _whole("max_retries", max_retries) < 0:
        raise ValueError(f"max_retries: 0 or more, not {max_retries}")


def check_map(chunksize, progress):
    """Raise TypeError or ValueError unless these options of a map are valid."""
    if chunksize is not None and _whole("chunksize", chunksize) < 1:
        raise ValueError(f"chunksize: at least 1, not {chunksize}")
    if progress is not None and progress is not True and progress is not False and not callable(progress):
        raise TypeError(f"progress: a function of (done, total), or True for a bar, not {progress!r}")


def _whole(name, value):
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: a whole number, not {value!r}") from None
