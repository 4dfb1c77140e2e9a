"""The place of a worker in its pool, which another one takes when it has died."""

import collections
import mmap

from .. import _core
from ..errors import LoanError, MessageTooLargeError, ProtocolError, WorkerDiedError
from .failures import Failed, Unpicklable
from .functions import KnownFunctions
from .worker import InitFailed, Put

#: Of an outbox: the most that its link's options allow.
_OUTBOX_SIZES = (64 << 10, mmap.PAGESIZE, 256)


class InitError(Exception):
    """An init function has raised the exception `cause`."""

    def __init__(self, cause):
        super().__init__(cause)
        self.cause = cause


class Slot:
    def __init__(self, worker):
        self.worker = worker
        self.chunks = collections.deque()  # that it has, in the order of their sends
        self.outstanding = 0  # tasks in them
        self.results = 0  # of the worker's
        self.total = self.replaced = 0
        self.known = KnownFunctions()  # by this worker
        self.busy_seconds = 0.0  # of the last one
        self.outbox = None
        self.is_overdue = False  # it was killed since its task ran for too long
        self.is_full = False  # its link is
        self._forgotten = []  # functions that it was not told yet to forget
        self._sent = 0  # messages
        self._seen = None, 0.0  # how far it was, and when that was seen first
        self._early = 0  # results that were taken before the worker has said that they are there

    def start(self, kwargs):
        self.worker.start(**kwargs)
        self.results = 0
        self.known = KnownFunctions()
        self.is_overdue = self.is_full = False
        self._forgotten = []
        self._sent = 0
        self._seen = None, 0.0
        self._early = 0
        self._make_outbox(self.worker.messenger)

    def ended(self):
        """Its memory is given back. The place stays."""
        self.busy_seconds = self.busy()
        self.outbox = None

    def busy(self):
        outbox = self.outbox
        return self.busy_seconds if outbox is None else outbox.busy_nanoseconds / 1e9

    def _make_outbox(self, messenger):
        for size in _OUTBOX_SIZES:
            try:
                memory = messenger._lend(size)
                self.outbox = _core.Outbox(memory, True)
                return unrung(messenger.send_norequest, memoryview(memory))
            except (LoanError, MessageTooLargeError):
                if size == _OUTBOX_SIZES[-1]:
                    raise

    # ---- sending ----

    def send_chunk(self, chunk):
        """TimeoutError: it is busy, and has no room for more."""
        call = chunk.call
        loads_from = self._sent + 1
        if call.number in self.known:
            self.known.use(call.number)
        else:
            self._send_function(call.number, call.function)
        self._send((call.number, call.mode, call.time_limit, chunk.items))
        chunk.loads_from = loads_from
        self.add(chunk)

    def _send_function(self, number, function):
        self._forgotten += self.known.add(number, len(function))
        try:
            self._send((self._forgotten, number, function))
        except BaseException:
            self.known.remove(number)
            raise
        self._forgotten = []

    def slim(self):
        """An idle worker keeps no large function."""
        self._forgotten += self.known.drop(0)
        self._send((self._forgotten, None, None))
        self._forgotten = []

    def _send(self, what):
        error = unrung(self.worker.messenger._send_task, what, timeout=0 if self.chunks else None)
        if error is not None:
            raise Unpicklable(error)
        self._sent += 1

    def skip_closed(self):
        """What its worker has not begun, and nobody wants any more, is not begun."""
        count = 0
        for chunk in self.chunks:
            if not chunk.job.is_closed:
                break
            count += len(chunk.items)
        if count:
            self.outbox.skip_before(self.results + count)

    # ---- how far it is ----

    def has_begun(self):
        """Whether it is at a task whose result has not come."""
        return self.outbox.begun > self.results

    def is_loading(self):
        """Whether it is at what its first chunk is unpickled from."""
        return bool(self.chunks) and self.outbox.loads >= self.chunks[0].loads_from

    def is_over_limit(self, now, grace):
        """Whether it is at the same task for longer than that may run. (Its own timer should have ended it, unless the task has changed that.)"""
        limit = self.chunks[0].call.time_limit if self.chunks else 0
        if not limit:
            return False
        state = self.results, self.outbox.begun, self.outbox.loads
        if state != self._seen[0]:
            self._seen = state, now
        return (self.has_begun() or self.is_loading()) and now - self._seen[1] > limit + grace

    def death(self, status, chunk, doing):
        worker = self.worker
        text = f"worker {worker.pid} {status.describe()} while it {doing} task {chunk.first}"
        return WorkerDiedError(text, worker._name, worker.pid, status)

    # ---- receiving ----

    def receive(self):
        """The results that are there, in the order of their tasks."""
        end = self.outbox.end
        # As messages: what unpickling one raises is no error of the link's, whatever its type says.
        results = [_payload(message) for message in unrung(self.worker.messenger.receive_available_messages)]
        if not results:
            # What was put up to this end comes behind no message. (The worker may be at a long task now, and say nothing.)
            early = self.outbox.take_until(end, Failed)
            self._early += len(early)
            return early
        if type(results[0]) is InitFailed:
            raise InitError(results[0].exception())
        at = 0
        while (at := _core.find_type(results, Put, at)) >= 0:
            results[at : at + 1] = put = self._take(results[at].count)
            at += len(put)
        return results

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

    def is_at_short_tasks(self, call):
        """As far as is known; those of this call are as long as what is to wait for them."""
        for chunk in self.chunks:
            if chunk.call is not call and chunk.call.chunksize == 1:
                return False
        return True

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


def _payload(message):
    try:
        return message.payload
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = None  # the error's traceback holds this frame
        return Failed.here(error)


def unrung(call, *arguments, **options):
    """A bell that has rung for a wait that was over ends nothing else."""
    while True:
        try:
            return call(*arguments, **options)
        except InterruptedError:
            pass
