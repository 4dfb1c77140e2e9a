"""A process that is still to be started, as programs of the old package have it."""


class PreparedProcess:
    """Of a worker that was reset: `start()` starts that. Then it is as the worker's `multiprocessing.Process`."""

    exitcode = None
    pid = None
    # As of a Process that nobody has to join.
    _parent_pid = None
    _closed = False

    def __init__(self, worker, kwargs):
        """`worker`: called for the WorkerResource."""
        self._worker = worker
        self._kwargs = kwargs

    def start(self):
        worker = self._worker()
        worker.start(**self._kwargs)
        # Not the other way about: the worker has its process.
        self.__class__ = _StartedProcess
        self._proc = worker.proc

    def is_alive(self):
        return False

    def __repr__(self):
        return "<PreparedProcess: start() was not called>"


class _StartedProcess:
    """What a PreparedProcess becomes."""

    def __getattr__(self, name):
        return getattr(self._proc, name)

    def __repr__(self):
        return repr(self._proc)
