"""Environment variables of workers: the argument `env` of workers and pools."""

import os


def check(env):
    """Raise TypeError or ValueError unless this is a dict of variables, or None."""
    for variable, value in ({} if env is None else env).items():
        if not isinstance(variable, str) or not isinstance(value, (str, type(None))):
            raise TypeError(f"env: a dict of names and texts, or None in their places, not {variable!r}: {value!r}")
        if not variable or "=" in variable or "\0" in variable + (value or ""):
            raise ValueError(f"env: there can be no variable {variable!r} with the value {value!r}")


def apply(env):
    """Set the variables of this process, and remove those that are None."""
    for variable, value in env.items():
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value
