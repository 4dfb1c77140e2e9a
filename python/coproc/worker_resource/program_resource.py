"""Workers that are other programs, and Python programs that are workers of others."""

import os

from .. import _core
from ..array import note_latest
from ..messenger import PriorityMessenger
from .life import Life, check_options


class ProgramResource(Life):
    """A worker that is another program, in C++ for instance, which calls `coproc::this_worker::run`; messages are MessagePack.

        with coproc.ProgramResource("build/pricing", ["--fast"]) as worker:
            worker.messenger.send_request({"item": "bolt", "count": 12})
            print(worker.messenger.receive_blocking())

    `path` is not searched for. Nothing that it sends is unpickled, so it can run nothing here (SECURITY.md). What a message may hold:
    numbers, text, bytes, lists, dicts, dataclasses (as dicts), NumPy arrays. The rest is as with WorkerResource.
    """

    def __init__(self, path, arguments=(), messenger_type=PriorityMessenger, *, name=None, stop=None, link=None):
        check_options(messenger_type, stop, link)
        self.path = os.fspath(path)
        self.arguments = list(arguments)
        name = name or os.path.basename(self.path)
        stop = stop or _core.StopOptions()
        worker = _core.ProgramWorker(
            messenger_type._reorders,
            os.fsencode(self.path),
            [os.fsencode(argument) for argument in self.arguments],
            os.fsencode(name),
            stop,
            link or _core.LinkOptions(),
        )
        super().__init__(worker, name, messenger_type, stop)

    def start(self, **kwargs):
        """Start the program. `kwargs`: one argument of its target, a struct or map; without any its target takes none.

        Raises WorkerIsAlreadyAliveError, and StartError for a program that is none, ends at once, or takes other arguments.
        """
        self._check_not_alive()
        self._worker.start(kwargs or None)
        self._has_started(codec="msgpack")

    def __repr__(self):
        return f"ProgramResource({self.path!r}, {self.arguments!r}, _messenger={self._messenger!r})"


def run_worker(target, messenger_type=PriorityMessenger, *, takes_arguments=False):
    """Be the worker of the host that has started this program, in C++ for instance as an `Executable`; messages are MessagePack.

        coproc::WorkerResource worker{coproc::Executable{"/usr/bin/python3", {"worker.py"}}};   // C++
        sys.exit(coproc.run_worker(main))                                                       # worker.py

    Calls `target(messenger)`; with `takes_arguments` `target(messenger, **arguments)`, where the host's `start` gives a Msgpack of a map. Returns the
    exit code: 0, or 1 where an exception left the target, which the host is told. StartError: no host has started this program.
    """
    messenger = messenger_type(codec="msgpack")
    note_latest(messenger)
    return _core.run_worker(messenger, lambda arguments: target(messenger, **(arguments or {})), takes_arguments)
