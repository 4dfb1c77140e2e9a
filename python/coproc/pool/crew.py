"""The workers of a pool, and who of them has which tasks."""

import collections
import contextlib
import operator
import signal
import threading
import time

from .. import _core
from ..errors import (
    ConcurrentUseError, DecodeError, PoolBrokenError, ProtocolError, TaskCancelledError, TaskTimeoutError, WorkerIsDeadError, exception_of,
)  # fmt: skip
from .chunk import Chunk
from .job import split
from .slot import Slot
from .worker import InitError, Unloadable

#: Deaths in a row before anything was run, until the pool is broken.
_MOST_FALSE_STARTS = 3
#: Between looks at outboxes of which nothing is said, in seconds: from, to.
_NAPS = (0.001, 0.05)


class Crew:
    def __init__(self, workers, kwargs, tasks_per_worker):
        self.slots = [Slot(worker) for worker in workers]
        self.is_started = False
        self._kwargs = kwargs
        self._tasks_per_worker = tasks_per_worker
        self._jobs = collections.deque()  # (job, call) of maps, each in its turn
        self._waiting = collections.deque()  # chunks: submitted calls, and what a dead worker had not begun
        self._false_starts = 0
        self._was_interrupted = False
        self._busy_thread = None  # that hands out or takes in just now
        self.to_call_back = collections.deque()  # tasks that have ended

    # ---- life ----

    def start(self):
        """Before anything is added, too: what is added afterwards is not cancelled by this."""
        if self._busy_thread == threading.get_ident():
            return
        if self._was_interrupted:
            # Ctrl-C has come between a result and its task: nobody knows any more whose results are on their way.
            self.stop(_core.StopOptions(close=0, terminate=0))
            self._was_interrupted = False
        if self.is_started:
            return
        self.is_started = True
        self._false_starts = 0
        try:
            for slot in self.slots:
                slot.start(self._kwargs)
        except BaseException:
            self.stop(_core.StopOptions(close=0))
            raise

    def stop(self, options):
        """Idle workers are asked to close; those with tasks get SIGTERM at once. What has not ended is cancelled."""
        started = [slot for slot in self.slots if slot.worker._messenger is not None]
        for slot in started:
            if slot.chunks and slot.worker.is_alive():
                slot.worker.terminate()
        if started:
            _core.stop_all([slot.worker._worker for slot in started], options)
        for slot in started:
            slot.worker._reap()
        self.is_started = False
        self._fail_all(lambda: TaskCancelledError("the pool was stopped before this task had ended"))
        self.call_back()

    def _fail_all(self, exception):
        chunks = [chunk for slot in self.slots for chunk in slot.take_all()] + list(self._waiting)
        self._waiting.clear()
        for chunk in chunks:
            for i in range(len(chunk.items)):
                chunk.job.fail(chunk.first + i, exception())
        for job, _ in self._jobs:
            job.is_closed = True
        self._jobs.clear()

    # ---- tasks ----

    def add_job(self, job, call):
        self._jobs.append((job, call))

    def prefer(self, job):
        """Somebody waits for it: the others get what it leaves."""
        for entry in self._jobs:
            if entry[0] is job and entry is not self._jobs[0]:
                self._jobs.remove(entry)
                self._jobs.appendleft(entry)
                return

    def remove_job(self, job):
        job.is_closed = True
        self._jobs = collections.deque(entry for entry in self._jobs if entry[0] is not job)
        self._waiting = collections.deque(chunk for chunk in self._waiting if chunk.job is not job)

    def add_task(self, job, call, item):
        self._waiting.append(Chunk(job, call, 0, [item]))

    def take_back(self, job):
        before = len(self._waiting)
        self._waiting = collections.deque(chunk for chunk in self._waiting if chunk.job is not job)
        return len(self._waiting) < before

    def pending(self):
        return sum(slot.outstanding for slot in self.slots) + sum(len(chunk.items) for chunk in self._waiting)

    def forget_functions(self):
        for slot in self.slots:
            slot.known.clear()
            slot.forgets = True

    # ---- driving ----

    def drive_until(self, is_reached, timeout=None):
        """Whether it was reached in this time."""
        end = None if timeout is None else time.monotonic() + timeout
        while not is_reached():
            left = None if end is None else max(0.0, end - time.monotonic())
            if not self.drive(left) and not is_reached():
                if left == 0.0:
                    return False
                if not self.pending():
                    raise RuntimeError("the pool has nothing that could end this wait: is its input read by one of its own tasks?")
        return True

    def drive(self, timeout=None):
        """Hand out tasks, wait for results, and take them in. False: nothing has come in this time, or there is nothing to wait for."""
        if self._busy_thread == threading.get_ident():
            if timeout == 0:
                return False
            raise RuntimeError("the input of a map cannot wait for results of the same pool: submit them before, or take another pool")
        try:
            self.start()
            with self._uninterrupted():
                self._hand_out()
            busy = [slot for slot in self.slots if slot.chunks]
            if not busy:
                return False
            found = _wait(busy, timeout)
            if found is None:
                return False
            with self._uninterrupted():
                for slot in busy[found:] + busy[:found]:
                    self._take_in(slot)
                self._hand_out()
            return True
        finally:
            self.call_back()

    @contextlib.contextmanager
    def _uninterrupted(self):
        """What is left in the middle leaves the pool in no state to go on."""
        if self._busy_thread is not None:
            raise ConcurrentUseError("a pool is used by one thread at a time, and another one uses it just now")
        self._busy_thread = threading.get_ident()
        self._was_interrupted = True
        try:
            yield
            self._was_interrupted = False
        finally:
            self._busy_thread = None

    def call_back(self):
        """Not while tasks are handed out: callbacks may use the pool."""
        while self.to_call_back and self._busy_thread is None:
            self.to_call_back.popleft()._call_back()

    def _hand_out(self):
        """A chunk to each worker in turn, until none takes one."""
        slots = self.slots
        while slots:
            slots = sorted(slots, key=operator.attrgetter("outstanding"))
            slots = [slot for slot in slots if (chunk := self._next_chunk(slot)) is not None and self._send(slot, chunk)]

    def _next_chunk(self, slot):
        quota = self._tasks_per_worker - slot.results - slot.outstanding if self._tasks_per_worker else None
        if quota is not None and quota <= 0:
            return None
        outstanding = slot.outstanding
        if self._waiting:
            if outstanding >= self._waiting[0].call.chunksize:
                return None
            return self._cut(self._waiting.popleft(), quota)
        for _ in range(len(self._jobs)):
            job, call = self._jobs[0]
            count = job.chunksize or call.chunksize
            # A long task never waits behind another; of short ones a worker has the next ones when it has done these.
            if outstanding and (outstanding > count or (count == 1 and not job.chunksize)):
                return None
            first = job.pulled
            items = job.pull(count if quota is None else min(count, quota))
            if items:
                return Chunk(job, call, first, items)
            if job._is_exhausted:
                self._jobs.popleft()
            else:
                self._jobs.rotate(-1)
        return None

    def _cut(self, chunk, quota):
        if quota is None or len(chunk.items) <= quota:
            return chunk
        self._waiting.appendleft(chunk.rest(quota))
        return Chunk(chunk.job, chunk.call, chunk.first, chunk.items[:quota], chunk.tries)

    def _send(self, slot, chunk):
        call = chunk.call
        send = slot.worker.messenger.send_norequest
        try:
            if call.number not in slot.known:
                send((slot.forgets, call.number, call.function))
                slot.forgets = False
                slot.known.add(call.number)
            send((call.number, call.mode, call.time_limit, chunk.items))
        except WorkerIsDeadError:
            self._waiting.appendleft(chunk)
            while not self._take_in(slot):  # first what it has sent before
                pass
            return False
        except BaseException as error:
            self._fail_unsendable(chunk, error)
            return True
        if not slot.chunks:
            chunk.began = time.monotonic()
        slot.add(chunk)
        return True

    def _fail_unsendable(self, chunk, error):
        """What cannot be pickled is an error of that task alone. Ctrl-C is the caller's."""
        if not isinstance(error, Exception):
            self._waiting.appendleft(chunk)
            raise error
        self._try_singly(chunk, error)

    def _try_singly(self, chunk, error):
        if len(chunk.items) == 1:
            chunk.job.fail(chunk.first, error)
        else:
            self._waiting.extendleft(Chunk(chunk.job, chunk.call, chunk.first + i, [item]) for i, item in reversed(list(enumerate(chunk.items))))

    def _take_in(self, slot):
        """Whether it was the end of the slot's worker."""
        try:
            self._give(slot, *self._received(slot))
        except WorkerIsDeadError:
            with contextlib.suppress(ProtocolError):
                self._give(slot, slot.receive_last())
            self._replace(slot)
            return True
        except InitError as error:
            self._break(slot, exception_of(*error.parts))
        except ProtocolError:  # nothing of this worker is believed any more
            slot.worker.kill()
            self._replace(slot)
            return True
        if self._tasks_per_worker and slot.results >= self._tasks_per_worker and not slot.chunks:
            slot.worker.stop()
            self._replace(slot)
            return True
        return False

    def _received(self, slot):
        """Results, or the error of one that cannot be unpickled here."""
        try:
            return slot.receive(), None
        except (WorkerIsDeadError, InitError):
            raise
        except Exception as error:
            if isinstance(error, ProtocolError) and not isinstance(error, DecodeError):
                raise
            return [], error

    def _give(self, slot, results, error=None):
        """Results are those of the slot's tasks, in their order."""
        if results or error is not None:
            self._false_starts = 0
        at = given = 0
        now = time.monotonic()
        while at < len(results):
            chunk = slot.take()
            if type(results[at]) is Unloadable:
                self._try_singly(chunk, results[at].exception())
                at += 1
                continue
            stretch = results[at : at + len(chunk.items)]
            at += len(stretch)
            given += len(stretch)
            for first, found in split(chunk.first, stretch):
                if isinstance(found, list):
                    chunk.job.take(first, found)
                else:
                    chunk.job.fail(first, found)
            if len(stretch) < len(chunk.items):
                slot.put_back(chunk.rest(len(stretch)))
            else:
                chunk.ended(now)
                if slot.chunks:
                    slot.chunks[0].began = now
        if error is not None:
            given += 1
            chunk = slot.take()
            chunk.job.fail(chunk.first, error)
            if len(chunk.items) > 1:
                slot.put_back(chunk.rest(1))
        slot.results += given
        slot.total += given

    # ---- deaths ----

    def _replace(self, slot):
        """Its worker has ended: another one takes its place, and the tasks that it had not begun go to any."""
        status = slot.worker.join()
        chunks = slot.take_all()
        has_begun = slot.outbox.begun > slot.results
        if has_begun and chunks:
            self._false_starts = 0
            chunk = chunks.popleft()
            if len(chunk.items) > 1:
                chunks.appendleft(chunk.rest(1))
            self._end_of_running(slot, Chunk(chunk.job, chunk.call, chunk.first, chunk.items[:1], chunk.tries), status)
        elif slot.results == 0:
            self._false_starts += 1
        self._waiting.extendleft(reversed(chunks))
        if self._false_starts >= _MOST_FALSE_STARTS:
            self._break(slot, RuntimeError(f"worker {slot.worker.pid} {status.describe()}"))
            return
        slot.replaced += 1
        slot.start(self._kwargs)

    def _end_of_running(self, slot, chunk, status):
        if chunk.call.time_limit and status.signal == signal.SIGALRM:
            chunk.job.fail(chunk.first, TaskTimeoutError(f"task {chunk.first} ran for longer than {chunk.call.time_limit} s: its worker was killed"))
        elif chunk.tries < chunk.call.max_retries:
            chunk.tries += 1
            self._waiting.appendleft(chunk)
        else:
            chunk.job.fail(chunk.first, slot.death(status, chunk.first))

    def _break(self, slot, cause):
        """Nothing can be run: all that waits fails, and the next call tries anew."""

        def broken():
            error = PoolBrokenError(f"the pool's workers end before they can run anything: {cause}")
            error.__cause__ = cause
            return error

        slot.worker.stop(close=0)
        self._was_interrupted = False
        self._fail_all(broken)
        self.stop(_core.StopOptions(close=0))
        raise broken()


def _wait(slots, timeout):
    """The index of one that has results, or an end; None: nothing has come in this time."""
    messengers = [slot.worker.messenger for slot in slots]
    if all(len(slot.chunks[0].items) == 1 for slot in slots):
        return _core.wait_any(messengers, timeout)
    # One that is at a long task says nothing of those before it.
    end = None if timeout is None else time.monotonic() + timeout
    nap, longest = _NAPS
    while True:
        left = nap if end is None else min(nap, max(0.0, end - time.monotonic()))
        found = _core.wait_any(messengers, left)
        if found is None:
            found = next((i for i, slot in enumerate(slots) if slot.outbox.has_results), None)
        if found is not None:
            return found
        if end is not None and time.monotonic() >= end:
            return None
        nap = min(2 * nap, longest)
