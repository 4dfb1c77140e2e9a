"""A worker process. multiprocessing starts and reaps it; the C++ core has its link, and notices and causes its end."""

import copy
import dataclasses
import multiprocessing
import os
import threading
import types
import typing
import weakref

from .. import _core, interop, this_worker
from ..errors import WorkerIsDeadError
from ..main_module import MainNames, main_of_new_program
from ..messenger import PriorityMessenger
from . import descriptors, elsewhere, inheritance, process
from .before_start import check_main_module, warn_of_threads
from .box import Box, kept_by, refuse_pickling_pairs
from .entry import Call, Start
from .life import START_WITH_IMPORTS_SECONDS, Life, check_options
from .prepared import PreparedProcess
from .switches import check_switches


@dataclasses.dataclass(init=False, repr=False, eq=False)
class WorkerResource(Life):
    """A worker process and the messenger to it.

        def echo(messenger, verbose=False):
            while True:
                messenger.send_reply(messenger.receive_blocking())

        with coproc.WorkerResource(echo) as worker:
            worker.messenger.send_request("hello")
            print(worker.messenger.receive_blocking())

    The worker ends when the target returns, or is asked to close and does not catch ResourceRequestedClose. It is
    stopped when this object is garbage and when this process ends, and it ends with its host, however that ends.

    Under 'spawn' and 'forkserver' target and arguments are pickled. Closures need cloudpickle there, and so do
    functions and classes of a main module that another process cannot import.

    `stop`, `join`, `terminate`, `kill`, `is_alive`, `pid` and `exit_status` may be used by any thread. A copy, as by
    `copy.deepcopy` or a pickle, is a worker of its own that was never started. `WorkerResource[Sent, Received]` is the
    same class, for type checkers.

    :param target: What the worker calls, with a messenger and the keyword arguments of `start`. A class is constructed
        with these, and then the object is called.
    :param messenger_type: PriorityMessenger, the default, or MultiMessenger
    :param method: 'fork', 'spawn' or 'forkserver', as in `multiprocessing.get_context`; None, the default, for
        multiprocessing's default
    :param name: the name of the worker in errors; None, the default, stands for the name of the target
    :param stop: StopOptions, which say how long the worker may take to end; None, the default, for `StopOptions()`
    :param link: the LinkOptions of the link; None, the default, for `LinkOptions()`
    :param number: The result of `this_worker.number()` in the worker. None, the default, stands for the number of
        workers that this process has started before.
    :param seed: If it is given, `this_worker.seed()` follows from it and the number, so that a run can be repeated.
        None, the default: each start has another seed.
    :param env: A dict of environment variables that the worker sets before its target and arguments are unpickled; None
        as a value removes the variable. A forked worker has imported its modules before, and what these have read from
        the environment stays. None, the default, for the environment of this process.
    :param capture_stderr: Whether what the worker prints to stderr goes to this process, which keeps the last 4 KiB for
        `exit_status.stderr_tail` and prints nothing of it. A worker that prints more than 1 MiB while this process
        makes no call waits until the next call. False by default.
    :param events: How many of the events that were last (messages, waits, spans) the worker keeps for
        `exit_status.last_events`, up to 1,048,576; each takes 32 bytes. 0, the default: none, unless there is a Trace
        when the worker is started. Workers on other machines keep none.
    :param sandbox: What the worker may still do once its target runs, a Sandbox. Such a worker is started by
        'forkserver' where it would be forked because nobody has said otherwise, and speaks MessagePack. None, the
        default, for no sandbox.
    :param limits: the Limits on what the worker may use; None, the default, for none
    :param control_group: The directory of a control group in which this process may make groups, a path. The worker is
        put into a group of its own there, in which `limits.memory` and `limits.processes` hold for it and the processes
        that it starts together. None, the default: it stays in the group of its host.
    :param trust_pickle: Whether messages of a worker in a sandbox may be pickles, as those of other workers are. Then
        the sandbox keeps nothing from this process, since unpickling runs code that the worker chooses. False by
        default.
    :param machine: The Machine on which the worker runs. None, the default, for this one. An interpreter is executed
        there (docs/python.md), and `proc` does not exist.
    :param start_timeout: How many seconds `start` waits for a worker on another machine, which imports the modules of
        target and arguments meanwhile; 60 by default; None: for ever. It has no effect on this machine.
    :raises TypeError: if `messenger_type`, `stop`, `link`, `sandbox`, `limits`, `control_group` or `machine` is of
        another type, `env` is no dict of texts, or `capture_stderr` or `trust_pickle` is neither True nor False
    :raises ImportError: if there is a sandbox, pickles are not trusted, and msgpack is not installed
    :raises ValueError: if there is no such method, if `number` or `seed` is not a whole number from 0, if `events` is
        too large, if `env` has an impossible name or value, or if a worker on another machine cannot have `method`,
        `sandbox`, `limits` or `control_group`
    """

    target: typing.Callable
    messenger_type: type = PriorityMessenger
    method: typing.Optional[str] = None
    _proc: typing.Optional[multiprocessing.process.BaseProcess] = dataclasses.field(default=None, init=False)
    _messenger: typing.Optional[PriorityMessenger] = dataclasses.field(default=None, init=False)

    __class_getitem__ = classmethod(types.GenericAlias)

    def __init__(
        self,
        target,
        messenger_type=PriorityMessenger,
        method=None,
        *,
        name=None,
        stop=None,
        link=None,
        number=None,
        seed=None,
        env=None,
        capture_stderr=False,
        events=0,
        sandbox=None,
        limits=None,
        control_group=None,
        trust_pickle=False,
        machine=None,
        start_timeout=START_WITH_IMPORTS_SECONDS,
    ):
        check_options(messenger_type, stop, link, env, sandbox, limits, machine, control_group)
        check_switches(capture_stderr=capture_stderr, trust_pickle=trust_pickle)
        this_worker.check_identity(number, seed)
        self.target = target
        self.method = method
        self._context = multiprocessing.get_context(method)
        self._codec = "pickle" if sandbox is None or trust_pickle else "msgpack"
        if sandbox is not None:
            interop.import_early()
            if method is None and self._context.get_start_method() == "fork":
                self._context = multiprocessing.get_context("forkserver")  # a fork has all of this process's memory
        self._sandbox, self._limits, self._confined = sandbox, limits, None
        self._control_group = os.fsencode(control_group or "")
        self._proc = None
        self._main_names = None  # which names of the main module the process has
        self._given = {
            "name": name, "stop": stop, "link": link, "number": number, "seed": seed, "env": dict(env or {}),
            "capture_stderr": capture_stderr, "events": events, "sandbox": sandbox, "limits": limits,
            "control_group": control_group, "trust_pickle": trust_pickle, "machine": machine,
            "start_timeout": start_timeout,
        }  # fmt: skip
        name = name or getattr(target, "__name__", None) or type(target).__name__
        stop, link, reorders = stop or _core.StopOptions(), link or _core.LinkOptions(), messenger_type._reorders
        self._machine = machine
        if machine is None:
            worker = _core.AdoptedWorker(
                reorders, name, stop, link, capture_stderr, sandbox, limits, self._control_group, events
            )
        else:
            elsewhere.check(name, machine, method, sandbox, limits, control_group)
            worker = elsewhere.new_worker(
                reorders, name, stop, link, self._given["env"], capture_stderr, machine, start_timeout
            )
        super().__init__(worker, name, messenger_type, stop)

    def start(self, **kwargs):
        """Start the worker.

        Blocks while multiprocessing starts the process; it does not wait for the target. With a sandbox or limits it
        also blocks until they hold, which is after the worker has imported its main module. Messengers among the
        arguments that were not used yet, and lists, tuples and dicts of such, are handed over to the worker, and closed
        here. A RuntimeWarning is given if the process is forked while this one has other threads, unless `method` is
        'fork'. On another machine it blocks until the target and its arguments are unpickled there.

        :param kwargs: the keyword arguments of the target
        :raises WorkerIsAlreadyAliveError: if the worker is alive
        :raises StartError: If the process cannot be started, or cannot have its sandbox or limits. On another machine
            also if Python or coproc has another version there, or a module of the target is missing.
        :raises ValueError: if a worker in a sandbox would get an end of a pair that unpickles what it sends, or one on
            another machine any end of a pair
        :raises Exception: what pickling the target and its arguments raises, under 'spawn' and 'forkserver'
        """
        self._require_no_run()
        self._start_process(kwargs)

    def _start_process(self, kwargs):
        if self._machine is not None:
            return self._start_elsewhere(kwargs)
        method = self._context.get_start_method()
        if method != "fork":
            check_main_module(self._name)
        elif self.method is None:
            warn_of_threads(self._name)
        self._reap()
        if self._codec == "msgpack":
            refuse_pickling_pairs(kwargs.values(), self._name)
        messenger = self.messenger_type(codec=self._codec)
        messenger._is_of_worker = True
        call = self._call(messenger, kwargs)
        box = None
        if self._has_box():
            box = Box(self._sandbox, self._limits, method, kept_by(kwargs.values()) if method == "fork" else ())
        end = self._worker.new_link()
        names = MainNames.of_process(method)
        main = None if method == "fork" else main_of_new_program()
        identity = this_worker.new_identity(self._given["number"], self._given["seed"])
        proc = self._context.Process(target=Start(messenger, end, call, identity, names, main, box, self._given["env"]))
        joins = threading.Lock()
        try:
            with inheritance.signals_held_back(method):
                process.start(proc, method, self._name)
                self._worker.adopt(proc.pid, lambda: process.exit_code(proc, joins))
                descriptors.share(proc, self._worker, method)
        finally:
            end.close()
            if box is not None:
                box.started()
        process.close_handed_over(kwargs.values())
        self._proc = proc
        if box is not None:
            self._confined = self._await_box(box)
        self._note_start(codec=self._codec)
        if self._codec == "msgpack":
            self._messenger._set_refusal(
                f"worker {self._name!r} (pid {self.pid}) is in a sandbox and has sent a pickle, which could run any "
                "code in this process: nothing of it was unpickled. Its messages are MessagePack: numbers, text, "
                "bytes, lists, dicts, dataclasses, arrays. If you trust what runs in it nevertheless, say "
                "trust_pickle=True"
            )
        self._messenger._set_main_names(names)
        self._main_names = names

    def _start_elsewhere(self, kwargs):
        identity = this_worker.new_identity(self._given["number"], self._given["seed"])
        self._main_names = elsewhere.start(
            self._worker, self._name, self._machine, self.messenger_type, Call(self.target, kwargs), kwargs.values(),
            identity,
        )  # fmt: skip
        self._note_start(codec=self._codec)
        self._messenger._set_main_names(self._main_names)

    def _has_box(self):
        return self._sandbox is not None or self._limits is not None or bool(self._control_group)

    def _await_box(self, box):
        """Return the Confinement of the process that was started, or end the process and raise."""
        try:
            return box.confinement(self._worker, self._name)
        except BaseException:
            self._worker.stop(_core.StopOptions(0, 0))
            self._reap()
            raise
        finally:
            box.report.close()

    def _confinement(self):
        if self._confined is not None:
            return self._confined
        if not self._has_box():
            return _core.Confinement._of(False, 0, False, [], [])
        raise WorkerIsDeadError(f"worker {self._name!r} has ended before it was confined: receive says why")

    def _call(self, messenger, kwargs):
        """Return what the worker calls with its messenger."""
        return Call(self.target, kwargs)

    @property
    def proc(self):
        """The `multiprocessing.Process` that is running, or the last one.

        :raises WorkerIsDeadError: if the worker was never started, or runs on another machine
        """
        self._require_process_here()
        if self._proc is None:
            raise WorkerIsDeadError(f"worker {self._name!r} was never started and has no process: call start()")
        return self._proc

    def _require_process_here(self):
        if self._machine is not None:
            raise WorkerIsDeadError(
                f"worker {self._name!r} is one of {self._machine.name!r} and has no Process here: use start() and the "
                "other calls of this object"
            )

    # ---- names of the old package ----

    def reset_process(self, **kwargs):
        """Prepare a new process, which `proc.start()` starts: a name of the old package. `start` does all of this.

        If the worker is alive, it is sent SIGTERM first, and this blocks until it has ended.

        :param kwargs: the keyword arguments of the target
        :raises WorkerIsDeadError: if the worker is one of another machine
        """
        self._require_process_here()
        if self.is_alive():
            self.terminate()
            self.join()
        if self._messenger is None:
            self._messenger = self.messenger_type(codec=self._codec)
        self._proc = PreparedProcess(weakref.ref(self), kwargs)

    def new_pair(self, **kwargs):
        """Return a messenger and a process of another worker like this one: a name of the old package. Does not block.

        The messenger has no link before `start()` of the process was called.

        :param kwargs: the keyword arguments of the target
        :return: the messenger and the process
        :raises WorkerIsDeadError: if the worker is one of another machine
        """
        other = copy.copy(self)
        other.reset_process(**kwargs)
        return other._messenger, PreparedProcess(lambda: other, kwargs)

    def check_process_exists(self):
        """Return the process: a name of the old package.

        :return: the `multiprocessing.Process`
        :raises ValueError: if the worker was never started
        """
        if not self.process_exists():
            raise ValueError(f"worker {self._name!r} was never started")
        return self._proc

    _target_name = "target"

    def __repr__(self):
        return (
            f"{type(self).__name__}({self._target_name}={self.target!r}, messenger_type={self.messenger_type!r}, "
            f"method={self.method!r}, _proc={self._proc!r}, _messenger={self._messenger!r})"
        )

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        mine, its = (
            (worker.target, worker.messenger_type, worker.method, worker._proc, worker._messenger)
            for worker in (self, other)
        )
        return mine == its

    def __hash__(self):
        return hash((type(self), self.messenger_type, self.method))

    def __reduce__(self):
        return _copy, (type(self), self.target, self.messenger_type, self.method, self._given, self._own_attributes())

    def _own_attributes(self):
        """Return the attributes that a subclass has added."""
        names = vars(self._plain(self.target))
        return {name: value for name, value in vars(self).items() if name not in names}

    def _reap(self):
        # The core has only looked how the process has ended. multiprocessing reaps it.
        if self._proc is not None and self._proc._parent_pid == os.getpid() and not self._proc._closed:
            self._proc.join()


def _copy(kind, target, messenger_type, method, given, attributes):
    made = kind.__new__(kind)
    kind._plain.__init__(made, target, messenger_type, method, **given)
    vars(made).update(attributes)
    return made


#: The class of the module whose constructor has the parameters that a copy is made with.
WorkerResource._plain = WorkerResource
