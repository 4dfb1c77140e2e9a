"""A pool of workers that run tasks: the calls that hand tasks over."""

from .. import _core
from ..main_module import is_of_main
from ..messenger import PriorityMessenger
from ..pickling import dumps
from ..worker_resource.life import START_WITH_IMPORTS_SECONDS
from ..worker_resource.restart import HealthOptions, PoolRestartOptions, RecycleOptions, options_of
from ..worker_resource.switches import check_switches
from .arguments import check_machines, check_map, check_pool, check_task
from .drawn import holds_its_items, length_of
from .life import PoolLife
from .results import Progress, Reader, Results
from .task import Task
from .worker import CALL, ONE, SEVERAL

#: The size of each ring: results of many small tasks wait there while the host does something else.
_RING_BYTES = 256 << 10


class Pool(PoolLife):
    """Workers that run tasks, which are calls of functions.

        with coproc.Pool() as pool:                       # as many workers as processors
            squares = pool.map(lambda x: x * x, range(1000))
            task = pool.submit(resize, image, width=640)

    Functions, arguments and results are pickled, but for results of workers in a sandbox. Closures need cloudpickle.

    The pool has no thread of its own, unless `background` is true: a thread that waits for a result, or looks, hands
    out tasks and takes in results, for all users of the pool. Between such calls the workers go on with the tasks that
    they have. Any number of threads may use one pool at once. The thread that reads the results of a map also reads the
    input of the map.

    A worker that dies is replaced. The task that it ran fails with WorkerDiedError, unless `max_retries` lets it run
    again; other tasks are not affected. If workers end again and again before they can run anything, for example
    because `init` raises, all waiting tasks fail with PoolBrokenError, and the next call starts workers again.

    Leaving the `with` block calls `stop()`, which cancels all tasks that have not ended. `join()` waits for them first.

    A process that is forked from this one can do nothing with its copy of the pool: calls raise NotOwnerError, but for
    `stop`, which does nothing.

    :param n: The number of workers, 65,536 at most. None, the default, stands for the number of processors that this
        process may use by its affinity mask and its control groups.
    :param verbose: of no effect, for code of the old package
    :param messenger_type: of no effect, for code of the old package
    :param name: the name of the workers in errors; None, the default, for "pool worker"
    :param env: A dict of environment variables that each worker sets before anything of this pool is unpickled there;
        None as a value removes the variable. A forked worker has imported its modules before, and what these have read
        from the environment stays. None, the default, for the environment of this process.
    :param capture_stderr: Whether what the workers print to stderr goes to this process, which keeps the last 4 KiB of
        each for `exit_status.stderr_tail` of a WorkerDiedError, and prints nothing of it. False by default.
    :param init: A function that runs in each worker before its first task. Its result, unless it is None, is the first
        argument of every task and of `exit`.
    :param init_args: the arguments of `init`
    :param exit: A function that runs in each worker that is asked to end. What it raises is printed on stderr.
    :param restart: How often and how soon workers are replaced that have ended: PoolRestartOptions, or a dict of their
        members. None, the default, for `PoolRestartOptions()`.
    :param health: When a worker counts as hung, and is ended: HealthOptions, or a dict of their members. The task that
        it ran fails with WorkerDiedError, whose `exit_status.hung` says why, or runs again by `max_retries`. None, the
        default: never.
    :param recycle: When a worker makes place for a new one although it works: RecycleOptions, or a dict of their
        members, such as `{"requests": 1000}` for so many tasks. None, the default: never.
    :param window: The number of tasks that a worker has at a time. 0 stands for as many as take about 25 ms, but at
        least one.
    :param pin: Whether each worker is bound to one processor. Workers take the processors in turns.
    :param background: Whether the pool has a thread that hands out tasks and takes in results, for programs that submit
        tasks and do other things. It also calls the callbacks of tasks.
    :param method: 'fork', 'spawn' or 'forkserver', as in `multiprocessing.get_context`; None, the default, for
        multiprocessing's default
    :param stop: StopOptions, which say how long a worker may take to end; None, the default, for `StopOptions()`
    :param link: The LinkOptions of each worker's link. None, the default, stands for rings of 256 KiB.
        `max_queued_bytes` also bounds the unread results of a map, and those of all submitted tasks together.
    :param seed: If it is given, `this_worker.seed()` follows from it and the worker's place, so that a run can be
        repeated. None, the default: each start has another seed.
    :param sandbox: What the workers may still do once they run tasks, a Sandbox, in which `init` runs, too. Functions
        and arguments are pickled as ever. Results are MessagePack, and exceptions arrive as RemoteError, since the
        workers are not trusted. None, the default, for no sandbox.
    :param limits: the Limits on what each worker may use; None, the default, for none
    :param control_group: The directory of a control group in which this process may make groups, a path: each worker is
        put into one of its own there, as a WorkerResource is. None, the default, for none.
    :param trust_pickle: Whether results and exceptions of workers in a sandbox may be pickles. Then the sandbox keeps
        nothing from this process. False by default.
    :param machines: Other machines on which the workers run, a list of Machines, which are dealt to the workers in
        turn. Then `n` has to be given. Empty, the default: they run on this machine.
    :param retries_unfenced: Whether a task with `max_retries` also runs again while its worker on another machine may
        still run it (`Fence.no`). False, the default: the pool waits until that worker must have ended by its lease.
    :param start_timeout: how many seconds the start of a worker on another machine may take, 60 by default; None: for
        ever
    :raises TypeError: if an argument is of the wrong type
    :raises ValueError: if a number is too small or too large, there is no such method, or workers on other machines
        cannot have `method`, `pin`, `health`, `recycle` by memory, `sandbox`, `limits` or `control_group`
    """

    def __init__(
        self, n=None, verbose=False, messenger_type=PriorityMessenger, *, name=None, env=None, capture_stderr=False,
        init=None, init_args=(), exit=None, restart=None, health=None, recycle=None, window=0, pin=False,
        background=False, method=None, stop=None, link=None, seed=None, sandbox=None, limits=None,
        control_group=None, trust_pickle=False, machines=(), retries_unfenced=False,
        start_timeout=START_WITH_IMPORTS_SECONDS,
    ):  # fmt: skip
        check_switches(
            capture_stderr=capture_stderr, pin=pin, background=background, trust_pickle=trust_pickle,
            retries_unfenced=retries_unfenced,
        )  # fmt: skip
        machines = list(machines)
        ends = {
            "restart": options_of(restart, PoolRestartOptions),
            "health": options_of(health, HealthOptions),
            "recycle": options_of(recycle, RecycleOptions),
        }
        check_pool(n, window, ends, init, exit, env)
        check_machines(machines, n, pin, ends)
        self.verbose = verbose
        super().__init__(
            n or _core.usable_processors(),
            {"init": init, "init_args": tuple(init_args), "exit": exit},
            {"window": window, "ends": ends},
            name=name or "pool worker",
            given={"env": env, "capture_stderr": capture_stderr},
            pin=pin,
            background=background,
            method=method,
            stop=stop or _core.StopOptions(),
            link=link or _core.LinkOptions(ring_bytes=_RING_BYTES),
            seed=seed,
            boxed={
                "sandbox": sandbox,
                "limits": limits,
                "control_group": control_group,
                "trust_pickle": trust_pickle,
            },
            machines=machines,
            retries_unfenced=retries_unfenced,
            start_timeout=start_timeout,
        )

    # ---- tasks ----

    def map(self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None):
        """Return `[func(data) for data in datas]`, which all workers compute together.

        Blocks until all results are there.

        :param func: the function
        :param datas: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: the list of the results, in the order of the input
        :raises Exception: the error of the first task of the input that has failed, or what reading the input raised
        :raises WorkerDiedError: in the place of a result: the worker died while it ran this task
        :raises PoolBrokenError: if no worker can be started, or none gets to its first task
        :raises TypeError: if `func` cannot be called, or an option is of the wrong type
        :raises ValueError: if an option is out of range
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        return self._collect(
            self._stretches(func, datas, ONE, True, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def starmap(
        self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None
    ):
        """Return `[func(*data) for data in datas]`, which all workers compute together. See `map`.

        :param func: the function
        :param datas: an iterable of iterables of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: the list of the results, in the order of the input
        :raises Exception: as `map`
        """
        return self._collect(
            self._stretches(func, datas, SEVERAL, True, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def imap(self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None):
        """Return an iterator over `func(data) for data in datas`, in the order of the input.

        Tasks are handed out at once, and results can be read as they come. The input may be endless: it is read only as
        far ahead as the workers need. An error is raised in the place of its result, and `next` goes on behind it.

        :param func: the function
        :param datas: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: Results, whose `next` blocks until there is one, and raises what `map` does
        :raises TypeError: if `func` cannot be called, or an option is of the wrong type
        :raises ValueError: if an option is out of range
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        """
        return Results(
            self._stretches(func, datas, ONE, True, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def map_unordered(
        self, func, datas, chunksize=None, *, time_limit=None, max_retries=0, stop_on_error=False, progress=None
    ):
        """Return an iterator over `func(data) for data in datas`, in the order in which the results come. See `imap`.

        :param func: the function
        :param datas: an iterable of its arguments
        :param chunksize: The number of tasks that are handed to a worker together. None, the default, stands for as
            many as take about 0.1 ms. Results arrive one by one in any case.
        :param time_limit: Seconds that a task may run. After that its worker is ended and replaced, and the result of
            the task is TaskTimeoutError. None, the default, stands for no limit.
        :param max_retries: how many times a task is run again because its worker died while it ran
        :param stop_on_error: Whether the first task that fails ends the map. Then no further task is begun.
        :param progress: A function that is called with the number of results and with their total, which is None if it
            is not known, about ten times a second and once at the end. True draws a bar if stderr is a terminal.
        :return: Results, whose `next` blocks until there is one, and raises what `map` does
        :raises Exception: as `imap`
        """
        return Results(
            self._stretches(func, datas, ONE, False, chunksize, time_limit, max_retries, stop_on_error, progress)
        )

    def submit(self, func, /, *args, **kwargs):
        """Hand over the call `func(*args, **kwargs)`. Does not wait.

        :param func: the function
        :param args: its arguments
        :param kwargs: its keyword arguments
        :return: the Task, which has the result
        :raises TypeError: if `func` cannot be called
        :raises StartError: if the workers cannot be started, which the first call does
        :raises NotOwnerError: in a process that was forked from the one that made the pool
        :raises Exception: what pickling the function or the arguments raises
        """
        return self.submit_with({}, func, *args, **kwargs)

    def submit_with(self, options, func, /, *args, **kwargs):
        """Hand over the call `func(*args, **kwargs)` with options. See `submit`.

        :param options: a dict with `time_limit` and `max_retries`, which are those of `map`
        :param func: the function
        :param args: its arguments
        :param kwargs: its keyword arguments
        :return: the Task, which has the result
        :raises TypeError: if `func` cannot be called, or there is no such option
        :raises ValueError: if an option is out of range
        :raises Exception: as `submit`
        """
        for name in options:
            if name not in ("time_limit", "max_retries"):
                raise TypeError(
                    f"submit_with() got an unexpected option {name!r}: it takes 'time_limit' and 'max_retries'"
                )
        kernel, function, names = self._function(func, CALL, **options)
        time_limit, max_retries = options.get("time_limit"), options.get("max_retries", 0)
        job = kernel.submit(function, (args, kwargs), names(), time_limit, max_retries)
        return Task(kernel, job, self._background)

    # ---- inside ----

    def _function(self, func, mode, time_limit=None, max_retries=0):
        check_task(func, time_limit, max_retries)
        kernel = self._started()
        names = self._main_names()
        # Asking for one name is cheaper than for all names of the main module.
        is_known = names is not None and is_of_main(func) and names.has(func)
        data = bytes([mode]) + dumps(func, None if is_known else names)
        with self._lock:
            if self._kernel is not kernel:  # another thread has stopped the pool
                return kernel, kernel.new_function(data), self._main_names
            return kernel, self._functions.get(data), self._main_names

    def _stretches(self, func, datas, mode, is_ordered, chunksize, time_limit, max_retries, stop_on_error, progress):
        check_map(chunksize, progress, stop_on_error)
        kernel, function, names = self._function(func, mode, time_limit, max_retries)
        job = kernel.map(
            function,
            iter(datas),
            names,
            not holds_its_items(datas),
            is_ordered,
            chunksize or 0,
            time_limit,
            max_retries,
            stop_on_error,
        )
        return Reader(job, Progress(progress, length_of(datas)))

    @staticmethod
    def _collect(stretches):
        results = []
        try:
            for stretch in stretches:
                if isinstance(stretch, BaseException):
                    raise stretch
                results += stretch
            return results
        finally:
            stretches.close()
            stretch = None  # the error's traceback refers to this frame
