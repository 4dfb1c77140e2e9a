"""Workers that are other programs, and Python scripts that are workers of other programs."""

import os

from .. import _core
from ..array import note_latest
from ..messenger import PriorityMessenger
from .life import START_SECONDS, Life, check_options
from .switches import check_switches


class ProgramResource(Life):
    """A worker that is another program, in C++ for instance, which calls `coproc::this_worker::run`.

        with coproc.ProgramResource("build/pricing", ["--fast"]) as worker:
            worker.messenger.send_request({"item": "bolt", "count": 12})
            print(worker.messenger.receive_blocking())

    Messages are MessagePack: numbers, text, bytes, lists, dicts, dataclasses (as dicts) and NumPy arrays of numbers.
    Nothing that the program sends is unpickled, so it cannot run code in this process (SECURITY.md). Everything else is
    as with WorkerResource.

    :param path: The path of the program, which is not searched for in PATH. On another machine it is the path there,
        and a name without '/' is looked up in PATH.
    :param arguments: the command-line arguments; none by default
    :param messenger_type: PriorityMessenger, the default, or MultiMessenger
    :param name: the name of the worker in errors; None, the default, stands for the name of the file
    :param stop: the StopOptions of the worker; None, the default, stands for `StopOptions()`
    :param link: the LinkOptions of the link; None, the default, stands for `LinkOptions()`
    :param env: A dict of environment variables that the program has besides those of this process, or, with None as a
        value, does not have. None, the default, for none.
    :param capture_stderr: Whether what the program prints to stderr goes to this process, which keeps the last 4 KiB
        for `exit_status.stderr_tail` and prints nothing of it. A program that prints more than 1 MiB while this process
        makes no call waits until the next call. False by default.
    :param events: how many events the program keeps for `exit_status.last_events`, as in WorkerResource; 0 by default
    :param sandbox: The Sandbox into which the program confines itself in `coproc::this_worker::run`. None, the default,
        for none.
    :param limits: the Limits on what the program may use; None, the default, for none
    :param control_group: the directory in which the program is put into a control group of its own, as in
        WorkerResource; None, the default, for none
    :param machine: the Machine on which it runs; None, the default, for this one
    :param start_timeout: How many seconds `start` waits for the program, 10 by default; None: for ever. Another machine
        has to be reached in this time, too.
    :raises TypeError: if `messenger_type`, `stop`, `link`, `sandbox`, `limits`, `control_group` or `machine` is of
        another type, `env` is no dict of texts, or `capture_stderr` is neither True nor False
    :raises ValueError: if `env` has an impossible name or value
    """

    def __init__(
        self, path, arguments=(), messenger_type=PriorityMessenger, *, name=None, stop=None, link=None, env=None,
        capture_stderr=False, events=0, sandbox=None, limits=None, control_group=None, machine=None,
        start_timeout=START_SECONDS,
    ):  # fmt: skip
        check_options(messenger_type, stop, link, env, sandbox, limits, machine, control_group)
        check_switches(capture_stderr=capture_stderr)
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
            dict(env or {}),
            capture_stderr,
            sandbox,
            limits,
            os.fsencode(control_group or ""),
            machine,
            start_timeout,
            events,
        )
        super().__init__(worker, name, messenger_type, stop)

    def start(self, **kwargs):
        """Start the program. Blocks until it is ready.

        :param kwargs: One argument of its target, a struct or a map. Without any, its target takes no argument.
        :raises WorkerIsAlreadyAliveError: if the worker is alive
        :raises StartError: if there is no such program, it ends at once, its target takes other arguments, or it cannot
            have its sandbox
        :raises ValueError: if an option cannot be fulfilled on another machine
        :raises TypeError: if MessagePack has no such type as an argument
        """
        self._require_no_run()
        self._worker.start(kwargs or None)
        self._note_start(codec="msgpack")

    def _confinement(self):
        return self._worker.confinement()

    def __repr__(self):
        return f"ProgramResource({self.path!r}, {self.arguments!r}, _messenger={self._messenger!r})"


def run_worker(target, messenger_type=PriorityMessenger, *, takes_arguments=False):
    """Be the worker of the host that has started this script, in C++ for instance as an `Executable`.

        coproc::WorkerResource worker{coproc::Executable{"/usr/bin/python3", {"worker.py"}}};   // C++
        sys.exit(coproc.run_worker(main))                                                       # worker.py

    Messages are MessagePack. Blocks until the target has returned.

    :param target: the function to call, as `target(messenger)`
    :param messenger_type: PriorityMessenger, the default, or MultiMessenger
    :param takes_arguments: Whether the host's `start` gives a Msgpack of a map. Then the call is
        `target(messenger, **arguments)`. False by default.
    :return: the exit code: 0, or 1 if an exception has left the target, which the host is sent
    :raises StartError: if no host has started this script
    """
    messenger = messenger_type(codec="msgpack")
    note_latest(messenger)
    return _core.run_worker(messenger, lambda arguments: target(messenger, **(arguments or {})), takes_arguments)
