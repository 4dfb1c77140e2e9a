"""The workers of a pool, and who of them has which tasks."""

import _thread
import collections
import contextlib
import operator
import os
import signal
import threading
import time

from .. import _core
from ..errors import (
    DecodeError, NotOwnerError, PoolBrokenError, ProtocolError, TaskCancelledError, TaskTimeoutError, WorkerIsDeadError, exception_of,
)  # fmt: skip
from .chunk import Chunk
from .failures import Unloadable, named
from .job import split
from .slot import Slot
from .turn import Turn, Waiter
from .worker import InitError

#: Deaths in a row before anything was run, until the pool is broken.
_MOST_FALSE_STARTS = 3
#: Between looks at outboxes of which nothing is said, in seconds: from, to.
_NAPS = (0.001, 0.05)
#: A task with a time limit is looked at so often, and killed by the host when its own timer has not ended it so much later, in seconds.
_LOOK, _GRACE = 0.1, 0.5
#: In the place of a chunk.
_ANOTHERS_TURN = object()
#: A look that sees ends, too: one without any time sees messages alone.
_AT_ONCE = 1e-6


class Crew:
    """Thread safety: any number of threads, one of which has the turn: it alone touches the workers."""

    def __init__(self, workers, kwargs, tasks_per_worker, stop_options):
        self.slots = [Slot(worker) for worker in workers]
        self.is_started = False
        self._kwargs = kwargs
        self._tasks_per_worker = tasks_per_worker
        self._turn = Turn()
        self._mutex = threading.RLock()  # guards what any thread changes: the jobs, and how many tasks wait
        self._jobs = ()  # (job, call) of maps; another tuple for each change
        self._served = 0
        self._waiting = collections.deque()  # chunks: submitted calls, and what a dead worker had not begun
        self._waiting_tasks = 0
        self._starved = None  # a job that another thread has to read the input of
        self._readers = set()  # threads that read an input just now
        self._false_starts = 0
        self._was_interrupted = False
        self._bell = None  # of who drives and sleeps: a messenger
        self._to_call_back = collections.deque()  # tasks that have ended
        self._pid = os.getpid()
        self._stop_options = stop_options

    def __del__(self):
        """Garbage: all end together, and who drops it, which may be the collector, does not wait for them."""
        living = [slot for slot in self.slots if slot.worker.is_alive()] if self._pid == os.getpid() else []
        if not living:
            return
        workers = _begin_end(living)
        try:
            _thread.start_new_thread(_end_all, (workers, self._stop_options))
        except RuntimeError:  # the interpreter ends, or no thread can be had
            _end_all(workers, self._stop_options)

    # ---- life ----

    def start(self):
        """Before anything is added, too: what is added afterwards is not cancelled by this."""
        if self._turn.is_mine() or (self.is_started and not (self._was_interrupted and self._turn.holder is None)):
            return
        self._with_turn(self._start)

    def _start(self):
        if self._was_interrupted:
            # Ctrl-C has come between a result and its task: nobody knows any more whose results are on their way.
            self._stop(_core.StopOptions(close=0, terminate=0))
            self._was_interrupted = False
        if self.is_started:
            return
        self.is_started = True
        self._false_starts = 0
        try:
            for slot in self.slots:
                slot.start(self._kwargs)
        except BaseException:
            self._stop(_core.StopOptions(close=0))
            raise

    def stop(self, options):
        """Idle workers are asked to close; those with tasks get SIGTERM at once. What has not ended is cancelled."""
        if self._pid != os.getpid():
            return  # the workers are another process's
        if self._turn.is_mine():  # a signal's handler, or an input
            self._stop(options)
        else:
            self._with_turn(lambda: self._stop(options))
            self.call_back()

    def _stop(self, options):
        self.is_started = False
        _end_all(_begin_end(self.slots), options)
        for slot in self.slots:
            if slot.outbox is not None:
                slot.ended()
        self._fail_all(lambda: TaskCancelledError("the pool was stopped before this task had ended"))

    def _fail_all(self, exception):
        with self._mutex:
            chunks = [chunk for slot in self.slots for chunk in slot.take_all()] + list(self._waiting)
            jobs, self._jobs = self._jobs, ()
            self._waiting.clear()
            self._waiting_tasks = 0
        for chunk in chunks:
            chunk.job.waiting = 0
            if not chunk.job.is_closed:
                for i in range(len(chunk.items)):
                    self._fail_chunk(chunk.one(i), exception())
        for job, _ in jobs:
            job.end(exception())

    # ---- tasks ----

    def add_job(self, job, call):
        with self._mutex:
            self._jobs += ((job, call),)

    def remove_job(self, job):
        with self._mutex:
            job.is_closed = True
            self._drop(job)
            self._forget_waiting(job)
        me = Waiter(bool)
        try:
            if not self._turn.is_mine() and self._turn.take(me):
                for slot in self.slots:
                    slot.skip_closed()
        finally:
            if self._turn.holder is me:
                self._turn.holder = None
            self._turn.leave(me)

    def add_task(self, job, call, item):
        self._add(Chunk(job, call, 0, [item]), False)

    def _add(self, chunk, is_first):
        with self._mutex:
            if chunk.job.is_closed:
                return
            chunk.job.waiting += len(chunk.items)
            self._waiting_tasks += len(chunk.items)
            if is_first:
                self._waiting.appendleft(chunk)
            else:
                self._waiting.append(chunk)
        if len(self._waiting) == 1:
            self._ring()

    def take_back(self, job):
        """Whether no worker has it."""
        with self._mutex:
            if not job.waiting:
                return False
            job.is_closed = True
            self._forget_waiting(job)
            return True

    def _forget_waiting(self, job):
        """Its chunks are passed over when it is their turn; those that stand in front, and the last ones, go at once."""
        self._waiting_tasks -= job.waiting
        job.waiting = 0
        while self._waiting and self._waiting[-1].job.is_closed:
            self._waiting.pop()
        while self._waiting and self._waiting[0].job.is_closed:
            self._waiting.popleft()

    def _take_waiting(self):
        with self._mutex:
            while self._waiting:
                chunk = self._waiting.popleft()
                if not chunk.job.is_closed:
                    chunk.job.waiting -= len(chunk.items)
                    self._waiting_tasks -= len(chunk.items)
                    return chunk
        return None

    def pending(self):
        return sum(slot.outstanding for slot in self.slots) + self._waiting_tasks

    # ---- driving ----

    def drive_until(self, is_reached, timeout=None, job=None):
        """Hand out tasks and take in results until it is reached; False: not in this time. `job`: of which this thread is the reader."""
        if self._pid != os.getpid():
            raise NotOwnerError(f"this pool belongs to process {self._pid}, from which this one was forked: make another one here")
        if is_reached():
            return True
        if self._turn.is_mine() or threading.get_ident() in self._readers:
            if timeout == 0:
                return False
            raise RuntimeError("the input of a map cannot wait for results of the same pool: submit them before, or take another pool")
        end = None if timeout is None else time.monotonic() + timeout
        turn, me = self._turn, Waiter(is_reached, job)
        if job is not None:
            job.thread, job.is_awaited = me.thread, True
        try:
            while not is_reached():
                left = None if end is None else max(0.0, end - time.monotonic())
                if turn.take(me):
                    try:
                        if self._step(_AT_ONCE if left == 0.0 else left):
                            self._look_whether_stuck(is_reached, left)
                    finally:
                        if turn.holder is me:
                            turn.holder = None
                    turn.pass_on(self._starved)
                    self.call_back()
                elif left != 0.0:
                    turn.sleep(me, left, lambda: self._ring_for(job))
                if left == 0.0:
                    break
            return bool(is_reached())
        finally:
            if turn.holder is me:
                turn.holder = None
            if job is not None:
                job.is_awaited = False
            turn.leave(me)
            self.call_back()

    def drive(self):
        """Hand out and take in what can be just now, unless another thread does, or this one will."""
        if self._turn.is_mine() or threading.get_ident() in self._readers:
            return
        me = Waiter(bool)
        try:
            if self._turn.take(me):
                self._step(0)
        finally:
            if self._turn.holder is me:
                self._turn.holder = None
            self._turn.leave(me)
        self.call_back()

    def _with_turn(self, do):
        me = Waiter(bool, is_urgent=True)
        try:
            while not self._turn.take(me):
                self._turn.sleep(me, None, self._ring)
            return do()
        finally:
            if self._turn.holder is me:
                self._turn.holder = None
            self._turn.leave(me)

    def _look_whether_stuck(self, is_reached, left):
        if left != 0.0 and not self.pending() and self._starved is None and not self._turn.is_wanted() and not is_reached():
            raise RuntimeError("the pool has nothing that could end this wait: is its input read by one of its own tasks?")

    def _ring(self):
        """Wake who drives: there is something to hand out."""
        bell = self._bell
        if bell is not None:
            bell.interrupt()

    def _ring_for(self, job):
        """Its input may be read by this thread alone."""
        if job is not None and job.wants_input():
            self._ring()

    def _step(self, timeout):
        """Hand out tasks, wait for results or an end, no longer than this, and take in what has come. Whether it is this thread's turn still."""
        self._start()
        # What is left in the middle leaves the pool in no state to go on.
        self._was_interrupted = True
        self._end_overdue()
        if not self._hand_out():
            return False
        self._was_interrupted = False
        busy = [slot for slot in self.slots if slot.chunks]
        if not busy or self._starved is not None or self._turn.is_wanted():
            return True
        found = self._wait(busy, timeout)
        if found is None:
            return True
        self._was_interrupted = True
        for slot in busy[found:] + busy[:found]:
            self._take_in(slot)
        if not self._hand_out():
            return False
        self._was_interrupted = False
        return True

    def _wait(self, slots, timeout):
        """The index of one that has results, or an end; None: nothing has come in this time, or there is something else to do."""
        messengers = [slot.worker.messenger for slot in slots]
        self._bell = messengers[0]
        try:
            if any(slot.chunks[0].call.time_limit for slot in slots):
                timeout = _LOOK if timeout is None else min(timeout, _LOOK)
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
        except InterruptedError:  # the bell
            return None
        finally:
            self._bell = None

    def note_ended(self):
        """Tasks have ended, but not by a result."""
        self._turn.pass_on()
        self.call_back()

    def call_back(self):
        """Not while tasks are handed out: callbacks may use the pool."""
        while self._to_call_back and not self._turn.is_mine():
            try:
                job = self._to_call_back.popleft()
            except IndexError:  # another thread has taken it
                return
            job.call_back(self)

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
        if not self._jobs and not self._waiting and self.is_started:
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
        if self._waiting_tasks:
            try:
                call = self._waiting[0].call
                if slot.outstanding >= call.chunksize or not slot.is_at_short_tasks(call):
                    return None
            except IndexError:  # another thread has cancelled it
                pass
            chunk = self._take_waiting()
            if chunk is not None:
                return self._cut(chunk, quota)
        for job, call in self._entries():
            if not self._has_room(slot, job, call):
                return None
            if not job.wants_input():
                if job.is_exhausted or job.is_closed:
                    self._drop(job)
            elif job.thread != threading.get_ident():
                # Its input is read by the thread that reads its results, if that waits for them.
                if self._turn.has_reader(job):
                    self._starved = job
                    return None
            elif (chunk := self._pull(job, call, quota)) is not None:
                job.served = self._served = self._served + 1
                return chunk
        return None

    def _drop(self, job):
        with self._mutex:
            self._jobs = tuple(entry for entry in self._jobs if entry[0] is not job)

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
            items = job.pull(count if quota is None else min(count, quota))
            chunk = Chunk(job, call, first, items) if items else None
            if turn.take(me):
                self._was_interrupted = True
                return chunk
            if chunk is not None:
                self._add(chunk, False)
            return _ANOTHERS_TURN
        except BaseException:
            job.end(TaskCancelledError("Ctrl-C, or another end, came while the input of this map was read"))
            raise
        finally:
            if not is_nested:
                self._readers.discard(thread)

    def _entries(self):
        """The jobs, in the order in which they are served: those that somebody waits for, in turn, and then the others."""
        jobs = self._jobs
        if len(jobs) < 2:
            return jobs
        return sorted(jobs, key=lambda entry: (not entry[0].is_awaited, entry[0].served))

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
            cause = exception_of(*error.parts)
            self._break(cause, f"init raised {named(cause)}")
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
        """Results, or the error of one that cannot be unpickled here."""
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


def _begin_end(slots):
    """SIGTERM for those that are at a task. The workers that were started."""
    started = [slot for slot in slots if slot.worker._messenger is not None]
    for slot in started:
        if slot.chunks and slot.worker.is_alive():
            slot.worker.terminate(check_alive=False)
    return [slot.worker for slot in started]


def _end_all(workers, options):
    if workers:
        _core.stop_all([worker._worker for worker in workers], options)
    for worker in workers:
        worker._reap()
