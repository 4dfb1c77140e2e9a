"""A process that is not started yet, for programs of the old package."""


class PreparedProcess:
    """The process of a worker that was reset. After its `start()` it behaves as the worker's Process."""

    exitcode = None
    pid = None
    # The values of a Process that does not have to be joined.
    _parent_pid = None
    _closed = False

    def __init__(self, worker, kwargs):
        """`worker()` returns the WorkerResource."""
        self._worker = worker
        self._kwargs = kwargs

    def start(self):
        """Start the worker with the arguments that were given before."""
        worker = self._worker()
        worker.start(**self._kwargs)
        # This object changes its class, because the worker already has another Process.
        self.__class__ = _StartedProcess
        self._proc = worker.proc

    def is_alive(self):
        """Return False: the process was not started."""
        return False

    def __repr__(self):
        return "<PreparedProcess: start() was not called>"


class _StartedProcess:
    """The class of a PreparedProcess after its start."""

    def __getattr__(self, name):
        return getattr(self._proc, name)

    def __repr__(self):
        return repr(self._proc)
