"""What runs in a worker's process."""

import inspect
import sys

from ..array import note_latest
from ..main_module import MainNames
from ..messenger.messenger import _Carried
from ..pickling import Shipped
from . import descriptors, inheritance


class Start:
    """The `target` of the worker's process: everything that it is started with. Pickled by `spawn` and `forkserver`.

    `call`: what is called with the messenger, and runs the user's code.
    """

    def __init__(self, messenger, end, call, main_names):
        self._is_fork = True
        self._end = end
        self._messenger = messenger
        self._call = Shipped((messenger, call), main_names)

    def __reduce__(self):
        return _arrived, (type(self._messenger)._reorders, _Carried(self._end), self._call)

    def __call__(self):
        inheritance.be_new(self._is_fork)
        descriptors.watch_host(self._end)
        messenger = self._messenger
        if self._is_fork:
            messenger._set_main_names(MainNames())  # what there is now, the host has
        note_latest(messenger)
        code = self._end.run(messenger, self._run)
        if code != 0:
            sys.exit(code)  # the host was told the exception

    def _run(self):
        messenger, call = self._call.get()
        call(messenger)


class Call:
    """Calls a worker's target; constructs it before, where it is a class."""

    def __init__(self, target, kwargs):
        self._target = target
        self._kwargs = kwargs

    def __call__(self, messenger):
        if isinstance(self._target, type):
            construct(self._target, messenger, self._kwargs)()
        else:
            self._target(messenger, **self._kwargs)


class CallMade:
    """Calls what the host has constructed with the worker's messenger."""

    def __init__(self, made):
        self._made = made

    def __call__(self, messenger):
        self._made()


def construct(kind, messenger, kwargs):
    """The messenger is the parameter of this name, wherever it stands, or else the first one."""
    try:
        has_name = "messenger" in inspect.signature(kind).parameters
    except (TypeError, ValueError):
        has_name = False
    return kind(messenger=messenger, **kwargs) if has_name else kind(messenger, **kwargs)


def _arrived(reorders, end, call):
    from ..messenger import MultiMessenger, PriorityMessenger

    start = Start.__new__(Start)
    start._is_fork, start._end, start._call = False, end, call
    # Where it could not be unpickled, there is another one to tell that by.
    start._messenger = call._value[0] if call._value else (PriorityMessenger if reorders else MultiMessenger)()
    return start
