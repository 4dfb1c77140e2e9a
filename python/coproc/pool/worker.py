"""The target of a pool's workers. Tasks, errors and results are handled by the core (core/pool_serve.cpp)."""

import contextlib
import functools
import os
import pickle

from .. import _core, this_worker
from ..errors import ResourceRequestedClose, parts_of, print_unreported

#: How the argument of a call is passed: the first byte of the data that a worker is sent for a function.
ONE, SEVERAL, CALL = range(3)


def serve(messenger, init, init_args, exit, processor):
    """Run tasks until the pool asks this worker to end."""
    if processor is not None:
        os.sched_setaffinity(0, {processor})
    state = None if init is None else init(*init_args)
    head = () if state is None else (state,)
    try:
        with contextlib.suppress(ResourceRequestedClose):
            _core.serve_pool(messenger, functools.partial(_make_call, head))
    finally:
        if exit is not None:
            _exit(exit, head)


def _exit(exit, head):
    """Call `exit`. Nothing in the host waits for an exception of it, so this process prints that."""
    try:
        exit(*head)
    except Exception as error:
        name, text, lines, _ = parts_of(error, True)
        print_unreported(f"pool worker {this_worker.number()}", os.getpid(), name, text, lines)
        raise


def _make_call(head, data):
    """Return the function that is called with the argument of each call."""
    try:
        function = pickle.loads(memoryview(data)[1:])
    except SystemExit:
        raise
    except BaseException as error:
        return functools.partial(_fail, error, error.__traceback__)
    mode = data[0]
    if mode == ONE:
        return functools.partial(function, *head) if head else function
    if mode == SEVERAL:
        return lambda argument: function(*head, *argument)
    return lambda argument: function(*head, *argument[0], **argument[1])


def _fail(error, traceback, /, *_, **__):
    raise error.with_traceback(traceback)  # the original one, since raising adds to it
