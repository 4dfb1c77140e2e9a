"""Checks the arguments of pools and of their calls."""

import operator

from .. import _core
from ..timeouts import is_number_or_none
from ..worker_resource import environment
from ..worker_resource.switches import check_switches

_MOST_SECONDS = 10**8  # every timer of the kernel takes this much


def check_pool(n, window, ends, init, exit, env):
    """Raise TypeError or ValueError unless these arguments of `Pool` are valid."""
    if n is not None:
        check_count("n", n)
    if _whole("window", window) < 0:
        raise ValueError(f"window: 0, for as many as take about 25 ms, or more, not {window}")
    _core.check_pool_ends(ends)
    for name, function in (("init", init), ("exit", exit)):
        if function is not None and not callable(function):
            raise TypeError(f"{name}: a function or None, not {function!r}")
    environment.check(env)


def check_count(name, count, least=1, of_zero=None):
    """Raise TypeError or ValueError unless a pool can have so many workers.

    :param name: how the caller calls the number
    :param count: the number
    :param least: the smallest one; 1 by default
    :param of_zero: what the standard library says of a smaller one, if programs know that
    """
    if _whole(name, count) < least and of_zero:
        raise ValueError(f"{of_zero}, not {count}")
    if not least <= count <= _core.most_workers:
        raise ValueError(f"{name}: from {least} to {_core.most_workers} workers, not {count}")


def check_machines(machines, n, pin, ends):
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
    if ends["recycle"].memory:
        raise ValueError(
            "machines: RecycleOptions.memory is not looked at there: let the launcher's command set a limit"
        )
    health = ends["health"]
    if any(limit is not None for limit in (health.unread, health.reply, health.beat)):
        raise ValueError("machines: nobody sees whether a worker there hangs: health is for workers of this machine")


def check_task(func, time_limit, max_retries):
    """Raise TypeError or ValueError unless a pool can run this function with these options."""
    if not callable(func):
        raise TypeError(f"a pool runs functions, and {func!r} cannot be called")
    check_task_options(time_limit, max_retries)


def check_task_options(time_limit, max_retries):
    """Raise TypeError or ValueError unless tasks can have these options."""
    wanted = f"time_limit: a positive number of seconds, at most {_MOST_SECONDS}"
    if not is_number_or_none(time_limit):
        raise TypeError(f"{wanted}, or None, not {time_limit!r}")
    if time_limit is not None and not 0 < time_limit <= _MOST_SECONDS:
        raise ValueError(f"{wanted}, not {time_limit!r}")
    if _whole("max_retries", max_retries) < 0:
        raise ValueError(f"max_retries: 0 or more, not {max_retries}")


def check_map(chunksize, progress, stop_on_error=False):
    """Raise TypeError or ValueError unless these options of a map are valid."""
    if chunksize is not None and _whole("chunksize", chunksize) < 1:
        raise ValueError(f"chunksize: at least 1, not {chunksize}")
    if progress is not None and progress is not True and progress is not False and not callable(progress):
        raise TypeError(f"progress: a function of (done, total), or True for a bar, not {progress!r}")
    check_switches(stop_on_error=stop_on_error)


def _whole(name, value):
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: a whole number, not {value!r}") from None


def recycle_options(tasks, name, options):
    """Return the option of `Pool` for exactly so many tasks of each worker; an empty dict for None.

    :param tasks: the number
    :param name: how the caller calls it
    :param options: the other options of the pool
    :raises TypeError: if they say the same
    :raises ValueError: if the number is too small
    """
    if tasks is None:
        return {}
    if "recycle" in options:
        raise TypeError(f"{name} and recycle both say when a worker makes place: give one of them")
    if _whole(name, tasks) < 1:
        raise ValueError(f"{name}: at least 1, or None, not {tasks}")
    return {"recycle": {"requests": tasks, "spread": 0.0}}
