"""Errors of tasks: whatever they are, each costs one task, and says what it was."""

from ..errors import RemoteError, parts_of

#: Raised out of an iterator, a generator or an `await`, these would end it without a word.
_ENDS_OF_ITERATION = (StopIteration, StopAsyncIteration)


class Failed:
    """In a worker: an exception that a task has raised, as the host is told it."""

    def __init__(self, error):
        try:
            self.parts = parts_of(error, True)
        except BaseException as odd:  # its own code has raised this
            self.parts = type(error).__name__, f"(it cannot be told: {type(odd).__name__})", "", b""


def error_of_task(exception, task):
    """What is raised in the place of a result: an Exception that ends nothing else."""
    if isinstance(exception, Exception) and not isinstance(exception, _ENDS_OF_ITERATION):
        return exception
    error = RuntimeError(f"{task} raised {named(exception)}")
    error.__cause__ = exception
    return error


def named(exception):
    """Its type and text."""
    if isinstance(exception, RemoteError):
        return str(exception)
    name, text = Failed(exception).parts[:2]
    return f"{name}: {text}" if text else name
