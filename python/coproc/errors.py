"""What the module raises.

Time-outs are the builtin `TimeoutError`, arguments that cannot work `ValueError` or `TypeError`, and a wait that `interrupt()` has ended the
builtin `InterruptedError`. What a worker raises arrives as its own type, with the worker's traceback as its `__cause__`.
"""

import pickle
import sys
import traceback

__all__ = [
    "ConcurrentUseError",
    "DecodeError",
    "EndOfMessages",
    "Error",
    "HostDiedError",
    "LinkClosedError",
    "LoanError",
    "MessageNotRecognizedError",
    "MessageTooLargeError",
    "NoRequestError",
    "NotOwnerError",
    "PeerClosedError",
    "PoolBrokenError",
    "ProtocolError",
    "QueueFullError",
    "RemoteError",
    "RemoteTraceback",
    "ResourceRequestedClose",
    "StartError",
    "TaskCancelledError",
    "TaskTimeoutError",
    "WorkerDiedError",
    "WorkerIsAlreadyAliveError",
    "WorkerIsAlreadyDeadError",
    "WorkerIsDeadError",
]


class ResourceRequestedClose(BaseException):
    """The other end asked this one to close. Leaving a target, it is a clean end.

    Raised once by a receive, then again by every wait that would sleep; what is queued stays receivable. No `Exception`, so
    that a worker's `except Exception` cannot swallow it.
    """


class EndOfMessages(ResourceRequestedClose):
    """The other end has said by `send_end` that it sends no more, and all that it had sent was received. Leaving a target, it is a clean end.

    Raised by every wait that finds nothing, and by a look that finds nothing on any channel.
    """


class MessageNotRecognizedError(BaseException):
    """A message of another kind than the receiver takes."""


class WorkerIsAlreadyAliveError(BaseException):
    """`start()` of a worker that is alive."""


class WorkerIsAlreadyDeadError(BaseException):
    """Use of a worker that never started."""


class WorkerIsDeadError(BaseException):
    """The worker is gone, and all that it had sent has been received."""


class WorkerDiedError(WorkerIsDeadError, RuntimeError):
    """The worker ended while something was wanted of it.

    `name`, `pid`, and `exit_status`, which holds all that is known; `exit_status.report()` puts that in lines. An `Exception`, too.
    """

    def __init__(self, text, name=None, pid=None, exit_status=None):
        super().__init__(text)
        self.name = name
        self.pid = pid
        self.exit_status = exit_status

    def __reduce__(self):
        return type(self), (self.args[0], self.name, self.pid), {}


class Error(Exception):
    """The base of those of this module's errors that are `Exception`s."""


class StartError(Error):
    """A worker could not be started. Nothing of it is left behind. `stage` says where, `error_number` is errno or 0."""

    def __init__(self, text, stage=None, error_number=0):
        super().__init__(text)
        self.stage = stage
        self.error_number = error_number


class MessageTooLargeError(Error, ValueError):
    """A message over `LinkOptions.max_message_bytes`. Nothing was sent."""


class LoanError(Error):
    """`empty` found no memory that could be lent: receive until the peer has dropped some, or send an ordinary array."""


class QueueFullError(Error):
    """Both sides' inboxes are full, or this one is full of other channels' messages."""


class NoRequestError(Error):
    """An answer to what is no request, or is answered, or came through an earlier link."""


class ProtocolError(Error):
    """The peer broke the rules of the link, which is not used any more."""


class DecodeError(ProtocolError):
    """A message whose bytes do not make a value."""


class NotOwnerError(Error):
    """The object belongs to another process: this one was forked from it."""


class ConcurrentUseError(Error):
    """Two threads used one messenger at the same time. Give each its own."""


class LinkClosedError(Error, EOFError):
    """The other end is gone, or this one was closed, and all that had come was received."""


class PeerClosedError(LinkClosedError):
    """The other end of a pair was closed, or its process ended."""


class HostDiedError(LinkClosedError):
    """In a worker: the host is gone."""


class TaskCancelledError(Error):
    """A pool's task was cancelled, or its pool was stopped, before it had ended."""


class TaskTimeoutError(Error, TimeoutError):
    """A pool's task ran for longer than its `time_limit`: its worker was killed."""


class PoolBrokenError(Error):
    """A pool's workers ended before they could run anything, again and again."""


class RemoteError(Error):
    """An exception of the peer that cannot be raised here as itself: `type_name` and `text` say what it was."""

    def __init__(self, type_name, text):
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name = type_name
        self.text = text

    def __reduce__(self):
        return type(self), (self.type_name, self.text)


class RemoteTraceback(Exception):
    """The cause of an exception that came from another process: where it was raised there."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return f'\n"""\n{self.text}"""'

    def __reduce__(self):
        return type(self), (self.text,)


# ---- how an exception travels ----

_MOST_TEXT = 64 * 1024
_MOST_PICKLE = 16 * 1024 * 1024


def parts_of(exception, is_escaping):
    """What the other process is told: type, text, traceback, and the pickle, or nothing where it has none.

    An exception may be of any class, whose methods may raise anything.
    """
    name = _attempt(lambda: _name_of(type(exception)), "an exception whose type has no name")
    text = _attempt(lambda: str.__str__(str(exception)), "(its text cannot be made: {})")
    lines = _attempt(lambda: _traceback_of(exception), "(its traceback cannot be made: {})")
    pickled = (
        b"" if is_escaping and not isinstance(exception, Exception) else _attempt(lambda: _pickled(exception), b"")
    )
    return _clean(name)[:_MOST_TEXT], _clean(text)[:_MOST_TEXT], _clean(lines)[-_MOST_TEXT:], pickled


def _attempt(make, instead):
    try:
        return make()
    except BaseException as error:
        return (
            instead.format(_attempt(lambda: f"{_name_of(type(error))}", "another exception"))
            if isinstance(instead, str)
            else instead
        )


def _name_of(kind):
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _traceback_of(exception):
    if exception.__traceback__ is None and exception.__cause__ is None:
        return ""
    return "".join(traceback.format_exception(exception))


def _clean(text):
    return text.encode(errors="backslashreplace").decode()


def _pickled(exception):
    from .pickling import dumps

    pickled = dumps(exception)
    return pickled if len(pickled) <= _MOST_PICKLE else b""


def exception_of(type_name, text, lines, pickled):
    """The exception to raise here: the peer's own, or a RemoteError."""
    exception = None
    if pickled:
        try:
            exception = pickle.loads(pickled)
        except KeyboardInterrupt:
            raise
        except BaseException:
            pass
    if not isinstance(exception, BaseException):
        exception = RemoteError(type_name, text)
    if lines:
        BaseException.__cause__.__set__(
            exception, RemoteTraceback(lines)
        )  # whatever its class thinks of new attributes
    return exception


def print_untold(name, pid, type_name, text, lines):
    """On stderr: the exception that has ended a worker, and that no receive has raised. They are the worker's words: indented, without control
    characters."""
    said = lines or (f"{type_name}: {text}" if text else type_name)
    print(
        f"coproc: worker {name!r} (pid {pid}) was ended by an exception that nobody received:\n{quoted(said)}",
        file=sys.stderr,
        flush=True,
    )


def quoted(text):
    """Another process's text, in lines that cannot be taken for this one's."""
    return "\n".join(
        "    " + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        for line in text.rstrip().split("\n")
    )
