"""Errors of tasks on their way: whatever they are, each costs one task, and is named."""

from ..errors import RemoteError, exception_of, parts_of

#: Raised out of an iterator, a generator or an `await`, they would end it without a word.
_ENDS_OF_ITERATION = (StopIteration, StopAsyncIteration)


class Failed:
    """The result of a task that has raised an exception."""

    _error = None

    def __init__(self, error):
        try:
            self.parts = parts_of(error, True)
        except BaseException as odd:  # its own code has raised this
            self.parts = type(error).__name__, f"(it cannot be told: {type(odd).__name__})", "", b""

    @classmethod
    def here(cls, error):
        """Of a task that has returned what cannot be unpickled in this process, which raises this."""
        made = cls.__new__(cls)
        made._error = error
        return made

    def exception(self):
        if self._error is not None:
            return self._error
        try:
            return exception_of(*self.parts)
        except KeyboardInterrupt:
            raise
        except BaseException:
            return RemoteError(*self.parts[:2])


class Unpicklable(Exception):
    """Pickling something for a worker has raised the exception `cause`, which is no error of the link's, whatever its type says."""

    def __init__(self, cause):
        super().__init__(cause)
        self.cause = cause


class Unloadable(Failed):
    """In the place of a whole chunk: it cannot be unpickled here, and nothing of it was run."""


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
