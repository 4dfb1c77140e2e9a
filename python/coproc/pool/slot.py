"""The place of a worker in its pool, which another one takes when it has died."""

import collections
import mmap

from .. import _core
from ..errors import LoanError, MessageTooLargeError, ProtocolError, WorkerDiedError
from .worker import Failed, Put

#: Of an outbox: the most that its link's options allow.
_OUTBOX_SIZES = (64 << 10, mmap.PAGESIZE, 256)


class Slot:
    def __init__(self, worker):
        self.worker = worker
        self.chunks = collections.deque()  # that it has, in the order of their sends
        self.outstanding = 0  # tasks in them
        self.results = 0  # of the worker's
        self.total = self.replaced = 0
        self.known = set()  # numbers of the functions that it has
        self.forgets = False  # all of them, before the next one
        self.outbox = None
        self._early = 0  # results that were taken before the worker has said that they are there

    def start(self, kwargs):
        self.worker.start(**kwargs)
        self.results = 0
        self.known.clear()
        self.forgets = False
        self._early = 0
        self._make_outbox(self.worker.messenger)

    def _make_outbox(self, messenger):
        for size in _OUTBOX_SIZES:
            try:
                memory = messenger._lend(size)
                self.outbox = _core.Outbox(memory, True)
                return messenger.send_norequest(memoryview(memory))
            except (LoanError, MessageTooLargeError):
                if size == _OUTBOX_SIZES[-1]:
                    raise

    def death(self, status, index):
        worker = self.worker
        return WorkerDiedError(f"worker {worker.pid} {status.describe()} while it ran task {index}", worker._name, worker.pid, status)

    def receive(self):
        """The results that are there, in the order of their tasks."""
        end = self.outbox.end
        results = self.worker.messenger.receive_available()
        if not results:
            # What was put up to this end comes behind no message. (The worker may be at a long task now, and say nothing.)
            early = self.outbox.take_until(end, Failed)
            self._early += len(early)
            return early
        if Put not in map(type, results):
            return results
        all_of_them = []
        for result in results:
            if type(result) is Put:
                all_of_them.extend(self._take(result.count))
            else:
                all_of_them.append(result)
        return all_of_them

    def receive_last(self):
        """What its worker had put into the outbox before it died."""
        return self.outbox.take_until(self.outbox.end, Failed)

    def _take(self, count):
        if type(count) is not int or not 0 < count <= _OUTBOX_SIZES[0]:
            raise ProtocolError(f"worker {self.worker.pid} of a pool says that it has put {count!r} results")
        early = min(count, self._early)
        self._early -= early
        return self.outbox.take(count - early, Failed)

    # ---- chunks ----

    def add(self, chunk):
        self.chunks.append(chunk)
        self.outstanding += len(chunk.items)

    def take(self):
        """The one that its worker is at."""
        if not self.chunks:
            raise ProtocolError(f"worker {self.worker.pid} of a pool has answered what it was not asked")
        chunk = self.chunks.popleft()
        self.outstanding -= len(chunk.items)
        return chunk

    def put_back(self, chunk):
        """What its worker is still at."""
        self.chunks.appendleft(chunk)
        self.outstanding += len(chunk.items)

    def take_all(self):
        chunks, self.chunks = self.chunks, collections.deque()
        self.outstanding = 0
        return chunks
