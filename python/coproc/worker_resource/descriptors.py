"""The pipes that multiprocessing keeps for each process. The core knows by a pidfd when one has ended, and each worker by its lifeline when its
host has: a host with hundreds of workers has no descriptors to spare for a second way.

What is done to multiprocessing's own objects here is done only where they look as they do today; else they keep what they have.
"""

import multiprocessing.process
import os
import weakref
from multiprocessing import util


class Sentinel:
    """`Process.sentinel` of a worker, for multiprocessing.connection.wait, select and event loops: readable once the process has ended.

    It takes a descriptor when it is first asked for its number.
    """

    def __init__(self, worker, pid):
        self._worker = weakref.ref(worker)
        self._pid = pid
        self._fd = None

    def fileno(self):
        """Its descriptor, which stays this object's."""
        if self._fd is None:
            self._fd = self._open()
        return self._fd

    __index__ = __int__ = fileno

    def _open(self):
        worker = self._worker()
        if worker is not None and worker.pid == self._pid and worker.is_alive():
            fd = os.pidfd_open(self._pid)
            if worker.is_alive() and worker.pid == self._pid:  # so the number was still its own
                return fd
            os.close(fd)
        read_end, write_end = os.pipe()
        os.close(write_end)
        return read_end

    def __del__(self):
        if self._fd is not None:
            os.close(self._fd)


def share(proc, worker, method):
    """In the host, when the core has adopted the process."""
    popen = proc._popen
    held = getattr(getattr(popen, "finalizer", None), "_args", None)
    if (
        not held
        or not hasattr(os, "pidfd_open")
        or getattr(proc, "_sentinel", None) != getattr(popen, "sentinel", None)
    ):
        return
    # The fork server's says with which code the process has ended.
    kept = [popen.sentinel] if method == "forkserver" else []
    popen.finalizer.cancel()
    popen.finalizer = util.Finalize(popen, util.close_fds, kept)
    for fd in held:
        if fd is not None and fd not in kept:
            os.close(fd)
    if not kept:
        popen.sentinel = proc._sentinel = Sentinel(worker, proc.pid)


def watch_host(end):
    """In the worker: its host's end is seen by the lifeline of this LinkEnd. multiprocessing's own pipe has none in the host."""
    host = multiprocessing.process.parent_process()
    if host is not None and hasattr(host, "_sentinel"):
        host._sentinel = os.dup(end.fds()[-1])
