"""Closes the pipes that multiprocessing keeps for each process.

The core notices by a pidfd when a process has ended, and each worker notices by its lifeline when its host has ended. A
host with hundreds of workers has no descriptors to spare for a second way.

Objects of multiprocessing are changed here only if they look as they do today. Otherwise they keep their pipes.
"""

import multiprocessing.process
import os
import weakref
from multiprocessing import util


class Sentinel:
    """`Process.sentinel` of a worker, which is readable when the process has ended.

    It is for multiprocessing.connection.wait, select and event loops. It opens a descriptor when it is first asked for
    its number.
    """

    def __init__(self, worker, pid):
        self._worker = weakref.ref(worker)
        self._pid = pid
        self._fd = None

    def fileno(self):
        """Return the descriptor. This object keeps owning it."""
        if self._fd is None:
            self._fd = self._open()
        return self._fd

    __index__ = __int__ = fileno

    def _open(self):
        worker = self._worker()
        if worker is not None and worker.pid == self._pid and worker.is_alive():
            fd = os.pidfd_open(self._pid)
            if worker.is_alive() and worker.pid == self._pid:  # then the number still belonged to the worker
                return fd
            os.close(fd)
        read_end, write_end = os.pipe()
        os.close(write_end)
        return read_end

    def __del__(self):
        if self._fd is not None:
            os.close(self._fd)


def share(proc, worker, method):
    """Close the pipes in the host, when the core has adopted the process."""
    popen = proc._popen
    held = getattr(getattr(popen, "finalizer", None), "_args", None)
    if (
        not held
        or not hasattr(os, "pidfd_open")
        or getattr(proc, "_sentinel", None) != getattr(popen, "sentinel", None)
    ):
        return
    # Under the fork server the pipe tells the exit code of the process.
    kept = [popen.sentinel] if method == "forkserver" else []
    popen.finalizer.cancel()
    popen.finalizer = util.Finalize(popen, util.close_fds, kept)
    for fd in held:
        if fd is not None and fd not in kept:
            os.close(fd)
    if not kept:
        popen.sentinel = proc._sentinel = Sentinel(worker, proc.pid)


def watch_host(end):
    """In the worker, make the lifeline of this LinkEnd the sentinel of the host's process.

    The pipe of multiprocessing does not notice the host's end, because the host has closed its side.
    """
    host = multiprocessing.process.parent_process()
    if host is not None and hasattr(host, "_sentinel"):
        host._sentinel = os.dup(end.fds()[-1])
