"""What a pool's worker runs.

The host sends functions, each once, and chunks: the arguments of some calls of one. Each result leaves at once, in the order of the calls, so that a worker
that dies takes only the task with it that it was running: small ones of several calls are put into the outbox, which the host is told now and then, and
any other is a message of its own.
"""

import contextlib
import dataclasses
import functools
import pickle
import signal
import time

from .. import _core
from ..errors import LinkClosedError, ResourceRequestedClose, exception_of, parts_of
from ..messenger import PriorityMessenger

#: How the arguments of a chunk are passed.
ONE, SEVERAL, CALL = range(3)


class Failed:
    """The result of a task that has raised an exception."""

    def __init__(self, error):
        self.parts = parts_of(error, True)

    def exception(self):
        return exception_of(*self.parts)


class Unloadable(Failed):
    """In the place of a whole chunk: it cannot be unpickled here, and nothing of it was run."""


@dataclasses.dataclass
class Put:
    """Results that are in the outbox."""

    count: int


class InitError(Exception):
    """An init function has raised an exception."""

    def __init__(self, parts):
        super().__init__(parts)
        self.parts = parts


def serve(messenger, init, init_args, exit):
    send = messenger.send_norequest
    if isinstance(messenger, PriorityMessenger):
        send = functools.partial(send, priority=0)  # results come in the order of the tasks, whatever they are
    try:
        state = init(*init_args) if init else None
    except Exception as error:
        raise InitError(parts_of(error, True)) from None
    head = () if state is None else (state,)
    functions = {}
    outbox = _core.Outbox(messenger.receive_blocking(), False)
    try:
        with contextlib.suppress(ResourceRequestedClose):
            while True:
                try:
                    received = messenger.receive_blocking()
                except LinkClosedError:
                    raise
                except Exception as error:
                    send(Unloadable(error))
                    continue
                if len(received) == 3:
                    forgets, number, function = received
                    if forgets:
                        functions.clear()
                    functions[number] = _loaded(function)
                    continue
                number, mode, time_limit, items = received
                began = time.perf_counter_ns()
                _run(_caller(functions[number], head, mode), items, send, outbox, time_limit)
                outbox.add_busy(time.perf_counter_ns() - began)
    finally:
        if exit:
            exit(*head)


def _loaded(function):
    try:
        return pickle.loads(function)
    except Exception as error:
        failure = error

        def fail(*_, **__):
            raise failure

        return fail


def _caller(function, head, mode):
    if mode == ONE:
        return functools.partial(function, *head) if head else function
    if mode == SEVERAL:
        return lambda item: function(*head, *item)
    return lambda item: function(*head, *item[0], **item[1])


def _run(call, items, send, outbox, time_limit):
    begin_task, put = outbox.begin_task, outbox.put
    if len(items) == 1:
        put = _put_nothing
    try:
        for item in items:
            begin_task()  # so that the host knows which one a death has met
            if time_limit:
                # SIGALRM ends this process, whatever the task does, and whatever handler its host has.
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
                signal.setitimer(signal.ITIMER_REAL, time_limit)
            try:
                result = call(item)
            except Exception as error:
                result = Failed(error)
            if time_limit:
                signal.setitimer(signal.ITIMER_REAL, 0)
            try:
                is_due = put(result)
            except Exception:  # which `send` tells
                is_due = None
            if is_due is not False:
                _say(outbox, send)
            if is_due is None:
                try:
                    send(result)
                except Exception as error:  # it cannot be pickled, or is too large
                    send(Failed(error))
    finally:
        _say(outbox, send)  # also before what ends this worker


def _put_nothing(_):
    """One result is sooner there as a message."""


def _say(outbox, send):
    if count := outbox.take_unsaid():
        send(Put(count))
