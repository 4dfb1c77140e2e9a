"""The errors of tasks. Whatever a task raises, only that task fails, and its error says what was raised."""

from ..errors import RemoteError, RemoteTraceback, TaskCancelledError, parts_of

#: If one of these is raised out of an iterator, a generator or an `await`, it ends that silently.
_ENDS_OF_ITERATION = (StopIteration, StopAsyncIteration)


class Failed:
    """In a worker: an exception that a task has raised, in the form that is sent to the host."""

    def __init__(self, error):
        try:
            self.parts = parts_of(error, True)
        except BaseException as odd:  # raised by the exception's own code
            self.parts = type(error).__name__, f"(it cannot be told: {type(odd).__name__})", "", b""


def error_of_task(exception, task):
    """Return the exception to raise in the place of a result: an Exception that ends nothing else."""
    if isinstance(exception, Exception) and not isinstance(exception, _ENDS_OF_ITERATION):
        return exception
    error = RuntimeError(f"{task} raised {named(exception)}")
    error.__cause__ = exception
    return error


def is_cancellation(error):
    """Return whether this error of a task says that the task was cancelled. It may also be what the task has raised."""
    return isinstance(error, TaskCancelledError) and not isinstance(error.__cause__, RemoteTraceback)


def named(exception):
    """Return the type and the text of an exception."""
    if isinstance(exception, RemoteError):
        return str(exception)
    name, text = Failed(exception).parts[:2]
    return f"{name}: {text}" if text else name
