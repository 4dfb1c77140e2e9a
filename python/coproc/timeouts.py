"""Checks times that are given in seconds."""

import math


def is_number_or_none(value):
    """Return whether this can be a time. Numbers of each kind can, and texts cannot."""
    try:
        if value is not None:
            math.isfinite(value)
    except OverflowError:
        pass  # it is an int, and out of every range
    except TypeError:
        return False
    return True


def check_timeout(timeout):
    """Raise TypeError or ValueError unless a wait can take this timeout, as the core does."""
    if timeout is None:
        return
    wanted = "timeout: a number of seconds, or None for ever"
    if not is_number_or_none(timeout):
        raise TypeError(f"{wanted}, not {timeout!r}")
    if timeout != timeout:
        raise ValueError(f"{wanted}, not {timeout!r}")
