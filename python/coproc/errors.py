"""The exceptions of the module, and how an exception travels to another process.

Time-outs are the builtin `TimeoutError`, invalid arguments are `ValueError` or `TypeError`, and a wait that
`interrupt()` has ended raises the builtin `InterruptedError`. An exception that a worker raises arrives as its own
type, with the worker's traceback as its `__cause__`.
"""

import concurrent.futures
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
    "RequestAttemptsError",
    "ResourceRequestedClose",
    "RestartLimitError",
    "SandboxError",
    "StartError",
    "StreamCancelledError",
    "TaskCancelledError",
    "TaskTimeoutError",
    "WorkerDiedError",
    "WorkerIsAlreadyAliveError",
    "WorkerIsAlreadyDeadError",
    "WorkerIsDeadError",
]


class ResourceRequestedClose(BaseException):
    """The other side has asked this one to close. If it leaves a target, the worker ends with exit code 0.

    The next receive raises it, and then every wait that would sleep. Messages that are queued stay receivable. It is
    not an `Exception`, so that a worker's `except Exception` does not catch it.
    """


class EndOfMessages(ResourceRequestedClose):
    """The other side has called `send_end`, and everything that it had sent was received.

    Every receive raises it that finds nothing, and so does every look that finds nothing on any channel. If it leaves a
    target, the worker ends with exit code 0.
    """


class MessageNotRecognizedError(BaseException):
    """A message is of another kind than the receiver takes. A name of the old package."""


class WorkerIsAlreadyAliveError(BaseException):
    """`start()` was called although the worker is alive."""


class WorkerIsAlreadyDeadError(BaseException):
    """A call needs a worker that was started, or one that is alive."""


class WorkerIsDeadError(BaseException):
    """The worker has ended and everything that it had sent was received, or it was never started."""


class WorkerDiedError(WorkerIsDeadError, RuntimeError):
    """The worker has ended, although something was still wanted of it.

    It is an `Exception`, too, since it is a `RuntimeError`.

    :param text: what has happened
    :param name: the name of the worker; the attribute `name`
    :param pid: the number of its process; the attribute `pid`
    :param exit_status: its ExitStatus, whose `report()` says everything that is known; the attribute `exit_status`
    :param task: the index in its map of the task of a pool that it ran, or the number of the call of `submit`; None if
        it was no task; the attribute `task`
    """

    def __init__(self, text, name=None, pid=None, exit_status=None, task=None):
        super().__init__(text)
        self.name = name
        self.pid = pid
        self.exit_status = exit_status
        self.task = task

    def __reduce__(self):
        return type(self), (self.args[0], self.name, self.pid, None, self.task), {}


class RequestAttemptsError(WorkerDiedError):
    """A request of a Supervised was in hand at `RestartOptions.attempts` ends of its worker, and is not sent again.

    It is raised in place of the reply.

    :param text: what has happened
    :param name: the name of the worker; the attribute `name`
    :param pid: the number of the last of these processes; the attribute `pid`
    :param exit_status: how that one has ended; the attribute `exit_status`
    :param task: always None
    :param statuses: the ExitStatuses of the workers that had it in hand, oldest first; the attribute `statuses`
    """

    def __init__(self, text, name=None, pid=None, exit_status=None, task=None, statuses=()):
        super().__init__(text, name, pid, exit_status, task)
        self.statuses = list(statuses)


class RestartLimitError(WorkerIsDeadError, RuntimeError):
    """The worker of a Supervised has ended more often than its RestartOptions allow, and is not started again.

    Every call that finds it dead raises this, until `start()`. It is an `Exception`, too, since it is a `RuntimeError`.

    :param text: what has happened
    :param statuses: How the worker has ended each time, the last end included, oldest first: ExitStatuses. A start that
        has failed has one of which nothing is known. The attribute `statuses`.
    """

    def __init__(self, text, statuses=()):
        super().__init__(text)
        self.statuses = list(statuses)

    def __reduce__(self):
        return type(self), (self.args[0],)


class Error(Exception):
    """The base class of those errors of this module that are `Exception`s, except WorkerDiedError."""


class StartError(Error):
    """A worker could not be started. Nothing of it is left behind.

    :param text: what has failed, and what to do
    :param stage: the step that has failed; the attribute `stage`
    :param error_number: errno, or 0 if no system call has failed; the attribute `error_number`
    """

    def __init__(self, text, stage=None, error_number=0):
        super().__init__(text)
        self.stage = stage
        self.error_number = error_number


class SandboxError(Error):
    """The system cannot confine this process as `this_worker.confine` was asked to.

    The text says what is missing. Nothing is undone: parts of the sandbox may hold already.
    """


class MessageTooLargeError(Error, ValueError):
    """A message is larger than `LinkOptions.max_message_bytes`. Nothing was sent."""


class LoanError(Error):
    """`empty` has no memory left that it could lend.

    Receive something, since the other side may wait for that before it returns memory, or send an ordinary array.
    """


class QueueFullError(Error):
    """The inboxes of both sides are full, or the inbox of this side is full of other channels' messages."""


class NoRequestError(Error):
    """There is no such request, or it has an answer already, or it came through an earlier link."""


class StreamCancelledError(Error):
    """Whoever reads a stream has given it up: no more parts are wanted, and the request counts as answered."""


class ProtocolError(Error):
    """The other side has broken the rules of the link. The link cannot be used any more."""


class DecodeError(ProtocolError):
    """The bytes of a message do not make a value."""


class NotOwnerError(Error):
    """The object belongs to another process, from which this one was forked."""


class ConcurrentUseError(Error):
    """Two threads wait in one messenger at the same time. Give each thread its own messenger."""


class LinkClosedError(Error, EOFError):
    """This messenger was closed or has called `send_end`; or, as a subclass, the other side is gone."""


class PeerClosedError(LinkClosedError):
    """The other end of a pair was closed, or its process has ended, and everything that it had sent was received."""


class HostDiedError(LinkClosedError):
    """The host of this worker is gone, and everything that it had sent was received."""


class TaskCancelledError(Error, concurrent.futures.CancelledError):
    """A task of a pool was cancelled, or its pool was stopped, before the task had ended.

    It is a `concurrent.futures.CancelledError`, and so an Exception. The CancelledError of asyncio, by which a
    coroutine is cancelled, is another one.
    """


class TaskTimeoutError(Error, TimeoutError):
    """A task of a pool ran for longer than its `time_limit`. Its worker was killed.

    :param text: what has happened
    :param task: the index of the task in its map, or the number of the call of `submit`; the attribute `task`
    :param stack: where the task was: the C stack, innermost call first, as in `ExitStatus.stack`; the attribute `stack`
    """

    def __init__(self, text, task=None, stack=()):
        super().__init__(text)
        self.task = task
        self.stack = list(stack)


class PoolBrokenError(Error, concurrent.futures.BrokenExecutor):
    """The workers of a pool have ended several times before they could run anything."""


class RemoteError(Error):
    """An exception of another process that cannot be raised here as itself.

    :param type_name: the name of its type; the attribute `type_name`
    :param text: its text; the attribute `text`
    """

    def __init__(self, type_name, text):
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name = type_name
        self.text = text

    def __reduce__(self):
        return type(self), (self.type_name, self.text)


class RemoteTraceback(Exception):
    """The `__cause__` of an exception that came from another process. It shows where the exception was raised there.

    :param text: the traceback; the attribute `text`
    :param worker: the name of the worker that raised it, or "host" or "peer"; None if that is not known; the attribute
        `worker`
    :param pid: the number of its process, or None; the attribute `pid`
    :param task: the index in its map of the task of a pool that raised it, or the number of the call of `submit`; None
        if it was no task; the attribute `task`
    """

    def __init__(self, text, worker=None, pid=None, task=None):
        self.text = text
        self.worker = worker
        self.pid = pid
        self.task = task

    def __str__(self):
        where = "" if self.task is None else f"\n(task {self.task}, in {self.worker}, pid {self.pid})"
        return f'\n"""\n{self.text}"""{where}'

    def __reduce__(self):
        return type(self), (self.text, self.worker, self.pid, self.task)


# ---- how an exception travels ----

_MOST_TEXT = 64 * 1024
_MOST_PICKLE = 16 * 1024 * 1024


def parts_of(exception, is_escaping):
    """Return what is sent of an exception: its type, its text, its traceback, and its pickle or nothing.

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


def exception_of(type_name, text, lines, pickled, origin):
    """Return the exception to raise in this process: that of the other process, or a RemoteError.

    `origin` is the name and the number of that process, and the task or None; or it is None.
    """
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
        cause = RemoteTraceback(lines, *(origin or ()))
        BaseException.__cause__.__set__(exception, cause)  # also if its class refuses new attributes
    return exception


def print_unreported(name, pid, type_name, text, lines):
    """Print on stderr the exception that has ended a worker, if no receive has raised it.

    The text comes from the worker. So it is indented, and its control characters are escaped.
    """
    said = lines or (f"{type_name}: {text}" if text else type_name)
    print(
        f"coproc: worker {name!r} (pid {pid}) was ended by an exception that nobody received:\n{quoted(said)}",
        file=sys.stderr,
        flush=True,
    )


def quoted(text):
    """Indent the text of another process, and escape its control characters, so that it is not taken for ours."""
    return "\n".join(
        "    " + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        for line in text.rstrip().split("\n")
    )
