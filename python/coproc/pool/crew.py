"""The life of a pool's workers, and the threads that drive them."""

import _thread
import os
import threading
import time

from .. import _core
from ..errors import NotOwnerError, TaskCancelledError
from .chunk import Chunk
from .turn import Waiter
from .work import Work

#: Between looks at outboxes of which nothing is said, in seconds: from, to.
_NAPS = (0.001, 0.05)
#: A task with a time limit is looked at so often.
_LOOK = 0.1
#: A look that sees ends, too: one without any time sees messages alone.
_AT_ONCE = 1e-6


class Crew(Work):
    """Thread safety: any number of threads, one of which drives: it alone touches the workers."""

    def __init__(self, workers, kwargs, tasks_per_worker, stop_options):
        super().__init__(workers, kwargs, tasks_per_worker)
        self._stop_options = stop_options
        self._bell = None  # of the thread that drives and sleeps: a messenger
        self._pid = os.getpid()

    def __del__(self):
        """Garbage: all end together, and the thread that drops it, maybe in the collector, does not wait for them."""
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
        self._check_owner()
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

    # ---- tasks ----

    def add_job(self, job, call):
        self._backlog.add_job(job, call)
        self._note_limit(call)

    def add_task(self, job, call, item):
        self._note_limit(call)
        self._add(Chunk(job, call, 0, [item]))

    def remove_job(self, job):
        if self._pid != os.getpid():
            return  # a fork drops its copy: the workers go on with theirs
        self._backlog.drop(job)
        self._backlog.close(job)
        me = Waiter(bool)
        try:
            if not self._turn.is_mine() and self._turn.take(me):
                for slot in self.slots:
                    slot.skip_closed()
        finally:
            if self._turn.holder is me:
                self._turn.holder = None
            self._turn.leave(me)

    def take_back(self, job):
        """Whether no worker has it."""
        self._check_owner()
        return self._backlog.take_back(job)

    # ---- driving ----

    def drive_until(self, is_reached, timeout=None, job=None):
        """Hand out tasks and take in results until it is reached; False: not in this time. `job`: of which this thread is the reader."""
        self._check_owner()
        if is_reached():
            return True
        if self._turn.is_mine() or threading.get_ident() in self._readers:
            if timeout == 0:
                return False
            raise RuntimeError(
                "the input of a map cannot wait for results of the same pool: submit them before, or take another pool"
            )
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

    def _check_owner(self):
        if self._pid != os.getpid():
            raise NotOwnerError(
                f"this pool belongs to process {self._pid}, from which this one was forked: make another one here"
            )

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
        if (
            left != 0.0
            and not is_reached()
            and not self.pending()
            and self._starved is None
            and not self._turn.is_wanted()
        ):
            raise RuntimeError(
                "the pool has nothing that could end this wait: is its input read by one of its own tasks?"
            )

    def _ring(self):
        """Wake the thread that drives: there is something to hand out."""
        bell = self._bell
        if bell is not None:
            bell.interrupt()

    def _ring_for(self, job):
        """Its input may be read by this thread alone."""
        if job is not None and job.wants_input():
            self._ring()

    def _step(self, timeout):
        """Hand out tasks, wait for results or an end, no longer than this, and take in what has come. Whether this thread still drives."""
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
        worker._worker.tell()
