"""The place of a worker in its pool, which another one takes when it has died."""

import collections
import mmap

from .. import _core
from ..errors import LoanError, ProtocolError, WorkerDiedError
from .worker import Failed, Put

_OUTBOX_BYTES = 64 << 10


class Slot:
    def __init__(self, worker):
        self.worker = worker
        self.chunks = collections.deque()  # that it has, in the order of their sends
        self.results = 0  # of the worker's
        self.total = self.replaced = 0
        self.known = set()  # numbers of the functions that it has
        self.forgets = False  # all of them, before the next one
        self.outbox = None

    def start(self, kwargs):
        self.worker.start(**kwargs)
        self.results = 0
        self.known.clear()
        self.forgets = False
        messenger = self.worker.messenger
        try:
            memory = messenger._lend(_OUTBOX_BYTES)
        except LoanError:  # the options of its link allow no more
            memory = messenger._lend(mmap.PAGESIZE)
        self.outbox = _core.Outbox(memory, True)
        messenger.send_norequest(memoryview(memory))

    def death(self, status, index):
        worker = self.worker
        return WorkerDiedError(f"worker {worker.pid} {status.describe()} while it ran task {index}", worker._name, worker.pid, status)

    def with_put(self, results):
        """Results that have come as messages, and in their places those that are in the outbox."""
        if Put not in map(type, results):
            return results
        all_of_them = []
        for result in results:
            if type(result) is Put:
                all_of_them.extend(self.outbox.take(result.count, Failed))
            else:
                all_of_them.append(result)
        return all_of_them

    def take_chunk(self):
        """The one that its worker is at."""
        if not self.chunks:
            raise ProtocolError(f"worker {self.worker.pid} of a pool has answered what it was not asked")
        return self.chunks.popleft()

    @property
    def outstanding(self):
        return sum(len(chunk.items) for chunk in self.chunks)
