"""The entry of a worker's process, and the calls of its target."""

import inspect
import sys

from .. import main_module, this_worker
from ..array import note_latest
from ..messenger import MultiMessenger, PriorityMessenger
from ..messenger.messenger import _Carried
from ..pickling import Shipped
from . import descriptors, environment, inheritance


class Start:
    """The `target` of the worker's process, with everything that it needs. `spawn` and `forkserver` pickle it.

    `call` is called with the messenger, and runs the user's code.
    """

    def __init__(self, messenger, end, call, identity, main_names, main, box, env):
        self._is_fork = True
        self._observers = inheritance.Observers()
        self._identity = identity
        self._main = main
        self._end = end
        self._box = box
        self._env = env
        self._messenger = messenger
        self._call = Shipped((messenger, call), main_names)

    def __reduce__(self):
        reorders, codec = type(self._messenger)._reorders, self._messenger.codec
        end = _Carried(self._end)
        return _arrived, (reorders, codec, end, self._call, self._identity, self._main, self._box, self._env)

    def __call__(self):
        self._end.redirect_stderr()
        environment.apply(self._env)
        if self._box is not None:
            self._box.enter(self._end)
        descriptors.watch_host(self._end)
        this_worker.assume(self._identity)
        inheritance.be_new(this_worker.seed(), self._observers)
        if not self._is_fork:
            self._arrive()
        messenger = self._messenger
        if self._is_fork:
            messenger._set_main_names(main_module.MainNames())  # the host has all names that there are now
        note_latest(messenger)
        code = self._end.run(messenger, self._run)
        if code != 0:
            sys.exit(code)  # the host was sent the exception

    def _arrive(self):
        """In a new program, do what multiprocessing would do before a failure could be reported to the host."""
        with main_module.inheriting():
            try:
                main_module.import_main(self._main)
            except BaseException as error:  # SystemExit, too
                self._call.fail(error)
            else:
                self._call.load()
        inheritance.draw_other_numbers(
            this_worker.seed()
        )  # after the main module, which may have seeded the generators
        # If the messenger could not be unpickled, another one reports that.
        self._messenger = (
            self._call.value[0]
            if self._call.value
            else (PriorityMessenger if self._reorders else MultiMessenger)(codec=self._codec)
        )

    def _run(self):
        messenger, call = self._call.get()
        if self._box is not None:
            self._box.close()
        call(messenger)


class Call:
    """Calls the target of a worker. If it is a class, constructs it first."""

    def __init__(self, target, kwargs):
        self._target = target
        self._kwargs = kwargs

    def __call__(self, messenger):
        if isinstance(self._target, type):
            construct(self._target, messenger, self._kwargs)()
        else:
            self._target(messenger, **self._kwargs)


class CallMade:
    """Calls an object that the host has constructed with the worker's messenger."""

    def __init__(self, made):
        self._made = made

    def __call__(self, messenger):
        self._made()


def construct(kind, messenger, kwargs):
    """Construct the target. The messenger is its parameter of this name, or otherwise its first one."""
    try:
        has_name = "messenger" in inspect.signature(kind).parameters
    except (TypeError, ValueError):
        has_name = False
    return kind(messenger=messenger, **kwargs) if has_name else kind(messenger, **kwargs)


def _arrived(reorders, codec, end, call, identity, main, box, env):
    start = Start.__new__(Start)
    start._is_fork, start._observers, start._reorders, start._codec = False, None, reorders, codec
    start._end, start._call, start._identity, start._main, start._box = end, call, identity, main, box
    start._env = env
    return start
