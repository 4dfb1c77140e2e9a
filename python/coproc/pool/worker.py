"""What a pool's worker runs.

The host sends functions, each once, and chunks: the arguments of some calls of one. Each result leaves at once, in the order of the calls, so that a worker
that dies takes only the task with it that it was running: small ones of several calls are put into the outbox, which the host is told now and then, and
any other is a message of its own. Whatever a task, its arguments or its result raise is told to the host, and costs that task alone; SystemExit ends the worker.
"""

import contextlib
import dataclasses
import functools
import pickle
import signal
import time

from .. import _core
from ..errors import ResourceRequestedClose
from ..messenger import PriorityMessenger
from .failures import Failed, Unloadable

#: How the arguments of a chunk are passed.
ONE, SEVERAL, CALL = range(3)


@dataclasses.dataclass
class Put:
    """Results that are in the outbox."""

    count: int


class InitFailed(Failed):
    """In the place of all results: init has raised this."""


def serve(messenger, init, init_args, exit):
    send = messenger.send_norequest
    if isinstance(messenger, PriorityMessenger):
        send = functools.partial(send, priority=0)  # results come in the order of the tasks, whatever they are
    try:
        state = None if init is None else init(*init_args)
    except BaseException as error:
        return send(InitFailed(error))
    head = () if state is None else (state,)
    try:
        with contextlib.suppress(ResourceRequestedClose):
            worker = _Worker(send, head, _core.Outbox(messenger.receive_blocking(), False))
            receive = messenger.receive_message_blocking
            while True:
                worker.do(receive())  # nothing of a message is held while the next one is waited for
    finally:
        if exit is not None:
            exit(*head)


class _Worker:
    def __init__(self, send, head, outbox):
        self._head = head
        self._send = send
        self._outbox = outbox
        self._functions = {}

    def do(self, message):
        self._outbox.begin_load()  # so that the host knows whose arguments a death has met
        try:
            received = message.payload
        except SystemExit:
            raise
        except BaseException as error:
            self._send(Unloadable(error))
            return
        if len(received) == 3:
            forgotten, number, function = received
            for each in forgotten:
                del self._functions[each]
            if number is not None:
                self._functions[number] = _loaded(function)
            return
        number, mode, time_limit, items = received
        began = time.perf_counter_ns()
        _run(_caller(self._functions[number], self._head, mode), items, self._send, self._outbox, time_limit)
        self._outbox.add_busy(time.perf_counter_ns() - began)


def _loaded(function):
    try:
        return pickle.loads(function)
    except SystemExit:
        raise
    except BaseException as error:
        return functools.partial(_fail, error, error.__traceback__)


def _fail(error, traceback, /, *_, **__):
    raise error.with_traceback(traceback)  # not one that grows with each task


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
            # So the host knows which one a death has met; and says so here where nobody wants the results any more.
            if not begin_task():
                call = _skip
            if time_limit:
                # SIGALRM ends this process, whatever handler its host has. Of a task that does something else with it the host makes an end.
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
                signal.setitimer(signal.ITIMER_REAL, time_limit)
            try:
                result = call(item)
            except SystemExit:
                raise
            except BaseException as error:
                result = Failed(error)
            if time_limit:
                signal.setitimer(signal.ITIMER_REAL, 0)
            try:
                is_due = put(result)
            except SystemExit:
                raise
            except BaseException:  # which `send` tells
                is_due = None
            if is_due is not False:
                _say(outbox, send)
            if is_due is None:
                try:
                    send(result)
                except SystemExit:
                    raise
                except BaseException as error:  # it cannot be pickled, or is too large
                    send(Failed(error))
    finally:
        _say(outbox, send)  # also before what ends this worker


def _skip(_):
    return None


def _put_nothing(_):
    """One result is sooner there as a message."""


def _say(outbox, send):
    if count := outbox.take_unsaid():
        send(Put(count))
