"""The workers of a pool, and which of them has which tasks."""

import collections
import contextlib
import operator
import signal
import threading
import time

from .. import _core
from ..errors import (
    DecodeError,
    PoolBrokenError,
    ProtocolError,
    TaskCancelledError,
    TaskTimeoutError,
    WorkerIsDeadError,
)
from .backlog import Backlog
from .chunk import Chunk
from .failures import Unloadable, Unpicklable, named
from .job import split
from .slot import InitError, Slot
from .turn import Turn

#: Deaths in a row before anything was run, until the pool is broken.
_MOST_FALSE_STARTS = 3
#: A task with a time limit is killed by the host when its own timer has not ended it so much later, in seconds.
_GRACE = 0.5
#: In the place of a chunk.
_ANOTHERS_TURN = object()


class Work:
    """Handing out, and taking in; a Crew is what starts, stops and wakes.

    Thread safety: all is for the thread that drives, but `pending` and `_add`.
    """

    def __init__(self, workers, kwargs, tasks_per_worker):
        self.slots = [Slot(worker) for worker in workers]
        self.is_started = False
        self._kwargs = kwargs
        self._tasks_per_worker = tasks_per_worker
        self._backlog = Backlog()
        self._turn = Turn()
        self._has_limits = False  # some call had a time limit
        self._served = 0
        self._starved = None  # a job that another thread has to read the input of
        self._readers = set()  # threads that read an input just now
        self._false_starts = 0
        self._was_interrupted = False  # in the middle of handing out or taking in
        self._to_call_back = collections.deque()  # tasks that have ended

    def pending(self):
        return sum(slot.outstanding for slot in self.slots) + self._backlog.tasks

    def main_names(self):
        """What all workers have of the main module: a worker that was started later has that, too."""
        names = [slot.worker._main_names for slot in self.slots]
        return None if None in names else min(names, key=operator.attrgetter("number"))

    def _add(self, chunk, is_first=False):
        if self._backlog.add(chunk, is_first):
            self._ring()

    def _note_limit(self, call):
        if call.time_limit:
            self._has_limits = True

    # ---- tasks to workers ----

    def _hand_out(self):
        """A chunk to each worker in turn, until none takes one. False: it is another thread's turn now."""
        slots = self.slots
        self._starved = None
        while slots and self.is_started:
            takers = []
            for slot in sorted(slots, key=operator.attrgetter("outstanding")):
                chunk = self._next_chunk(slot)
                if chunk is _ANOTHERS_TURN:
                    return False
                if chunk is not None and self._send(slot, chunk):
                    takers.append(slot)
            slots = takers
        if not self._backlog and self.is_started:
            for slot in self.slots:
                if not slot.chunks and slot.known.is_over():
                    self._tell(slot, slot.slim)
        return True

    def _next_chunk(self, slot):
        if slot.is_full:
            return None
        quota = self._quota(slot)
        if quota is not None and quota <= 0:
            return None
        call = self._backlog.next_call()
        if call is not None:
            if slot.outstanding >= call.chunksize or not slot.is_at_short_tasks(call):
                return None
            chunk = self._backlog.take()
            if chunk is not None:
                return self._cut(chunk, quota)
        for job, call in self._backlog.jobs():
            if not self._has_room(slot, job, call):
                return None
            if not job.wants_input():
                if job.is_exhausted or job.is_closed:
                    self._backlog.drop(job)
            elif job.thread != threading.get_ident():
                # Its input is read by the thread that reads its results, if that waits for them.
                if self._turn.has_reader(job):
                    self._starved = job
                    return None
            elif (chunk := self._pull(job, call, quota)) is not None:
                job.served = self._served = self._served + 1
                return chunk
        return None

    def _pull(self, job, call, quota):
        """A chunk of the next tasks; None: it has none. Meanwhile it may be others' turn, for whom the input may wait."""
        count = job.chunksize or call.chunksize
        turn, thread = self._turn, threading.get_ident()
        me, is_nested = turn.holder, thread in self._readers
        try:
            self._readers.add(thread)
            self._was_interrupted = False
            turn.holder = None
            first = job.pulled
            items = job.pull(count if quota is None else min(count, quota), self.main_names())
            chunk = Chunk(job, call, first, items) if items else None
            if turn.take(me) and not self._was_interrupted:
                self._was_interrupted = True
                return chunk
            if chunk is not None:
                self._add(chunk)
            return _ANOTHERS_TURN
        except BaseException:
            job.end(TaskCancelledError("Ctrl-C, or another end, came while the input of this map was read"))
            raise
        finally:
            if not is_nested:
                self._readers.discard(thread)

    def _quota(self, slot):
        return self._tasks_per_worker - slot.results - slot.outstanding if self._tasks_per_worker else None

    @staticmethod
    def _has_room(slot, job, call):
        """No task waits behind a long one; of short ones a worker has the next ones when it has done these."""
        if not slot.outstanding:
            return True
        count = job.chunksize or call.chunksize
        return slot.outstanding <= count and (count != 1 or bool(job.chunksize)) and slot.is_at_short_tasks(call)

    def _cut(self, chunk, quota):
        if quota is None or len(chunk.items) <= quota:
            return chunk
        self._add(chunk.rest(quota), True)
        return Chunk(chunk.job, chunk.call, chunk.first, chunk.items[:quota], chunk.tries)

    def _send(self, slot, chunk):
        """Whether the slot may take more."""
        if not self.is_started:  # a signal's handler has stopped it
            self._fail_chunk(chunk, TaskCancelledError("the pool was stopped before this task had ended"))
            return False
        if not slot.chunks:
            chunk.began = time.monotonic()
        try:
            return self._tell(slot, lambda: slot.send_chunk(chunk), chunk)
        except Unpicklable as error:
            self._try_singly(chunk, error.cause)
            return True
        except BaseException as error:
            chunk.interruptions += 1
            if isinstance(error, (KeyboardInterrupt, SystemExit)) and chunk.interruptions == 1:
                self._add(chunk, True)
                raise
            self._try_singly(chunk, error)  # what cannot be pickled is an error of that task alone
            return True

    def _tell(self, slot, send, chunk=None):
        """Whether the slot may take more. A chunk that could not be sent waits for another."""
        try:
            send()
            return True
        except TimeoutError:  # it is busy, and its link is full
            slot.is_full = True
            if chunk is not None:
                self._add(chunk, True)
        except WorkerIsDeadError:
            if chunk is not None:
                self._add(chunk, True)
            while not self._take_in(slot):  # first what it has sent before
                pass
        return False

    def _try_singly(self, chunk, error):
        if len(chunk.items) == 1:
            self._fail_chunk(chunk, error)
        else:
            for i in reversed(range(len(chunk.items))):
                self._add(chunk.one(i), True)

    def _fail_chunk(self, chunk, error):
        chunk.job.fail(chunk.first, error)
        self._note(chunk.job)

    def _note(self, job):
        if job.callbacks:
            self._to_call_back.append(job)

    # ---- results, and ends ----

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
            self._break(error.cause, f"init raised {named(error.cause)}")
            return True
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
        """Results, or an error that its worker has sent instead of one."""
        try:
            return slot.receive(), None
        except (WorkerIsDeadError, InitError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if isinstance(error, ProtocolError) and not isinstance(error, DecodeError):
                raise
            return [], error

    def _give(self, slot, results, error=None):
        """Results are those of the slot's tasks, in their order."""
        if results or error is not None:
            self._false_starts = 0
            slot.is_full = False
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
            self._note(chunk.job)
            if len(stretch) < len(chunk.items):
                slot.put_back(chunk.rest(len(stretch)))
            else:
                chunk.ended(now)
                if slot.chunks:
                    slot.chunks[0].began = now
        if error is not None:
            given += 1
            chunk = slot.take()
            self._fail_chunk(chunk, error)
            if len(chunk.items) > 1:
                slot.put_back(chunk.rest(1))
        slot.results += given
        slot.total += given
        if slot.chunks and slot.chunks[0].job.is_closed:
            slot.skip_closed()

    def _end_overdue(self):
        if not self._has_limits:
            return
        now = time.monotonic()
        for slot in self.slots:
            if slot.is_over_limit(now, _GRACE) and not slot.is_overdue:
                slot.is_overdue = True
                slot.worker.kill()

    def _replace(self, slot):
        """Its worker has ended: another one takes its place, and the tasks that it had not begun go to any."""
        if not self.is_started:
            return
        status = slot.worker.join()
        has_begun, is_loading = slot.has_begun(), slot.is_loading()
        chunks = slot.take_all()
        if chunks and (has_begun or is_loading):
            self._false_starts = 0
            chunk = chunks.popleft()
            if has_begun:
                if len(chunk.items) > 1:
                    chunks.appendleft(chunk.rest(1))
                self._end_of_running(slot, chunk.one(0), status, "ran")
            elif len(chunk.items) > 1:  # what one of them is made of has ended it
                chunks.extendleft(chunk.one(i) for i in reversed(range(len(chunk.items))))
            else:
                self._end_of_running(slot, chunk, status, "unpickled")
        elif slot.results == 0:
            self._false_starts += 1
        for chunk in reversed(chunks):
            self._add(chunk, True)
        if self._false_starts >= _MOST_FALSE_STARTS:
            text = f"worker {slot.worker.pid} {status.describe()}"
            self._break(RuntimeError(text), text)
            return
        slot.replaced += 1
        slot.start(self._kwargs)

    def _end_of_running(self, slot, chunk, status, doing):
        if chunk.call.time_limit and (status.signal == signal.SIGALRM or slot.is_overdue):
            text = f"task {chunk.first} ran for longer than {chunk.call.time_limit} s: its worker was killed"
            self._fail_chunk(chunk, TaskTimeoutError(text))
        elif chunk.tries < chunk.call.max_retries:
            chunk.tries += 1
            self._add(chunk, True)
        else:
            self._fail_chunk(chunk, slot.death(status, chunk, doing))

    def _break(self, cause, text):
        """Nothing can be run: all that waits fails, and the next call tries anew."""

        def broken():
            error = PoolBrokenError(f"the pool's workers end before they can run anything: {text}")
            error.__cause__ = cause
            return error

        self._fail_all(broken)
        self._stop(_core.StopOptions(close=0))

    def _fail_all(self, exception):
        jobs, waiting = self._backlog.take_all()
        for chunk in [chunk for slot in self.slots for chunk in slot.take_all()] + list(waiting):
            if not chunk.job.is_closed:
                for i in range(len(chunk.items)):
                    self._fail_chunk(chunk.one(i), exception())
        for job in jobs:
            job.end(exception())
