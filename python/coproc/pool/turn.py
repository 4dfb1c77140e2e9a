"""Which thread drives a pool: one at a time does, for all that wait; the others sleep until their own results have come, or they are to drive."""

import contextlib
import threading

#: A thread that sleeps looks again after so many seconds: one that was interrupted may have left without a word.
_MOST_ASLEEP = 1.0


class Waiter:
    """A thread in a call of the pool."""

    def __init__(self, is_reached, job=None, is_urgent=False):
        self.thread = threading.get_ident()
        self.is_reached = is_reached
        self.job = job  # whose results it reads
        self.is_urgent = is_urgent  # the thread that drives stops for it
        self._sleep = threading.Lock()
        self._sleep.acquire()

    def sleep(self, seconds):
        self._sleep.acquire(timeout=_MOST_ASLEEP if seconds is None else min(seconds, _MOST_ASLEEP))

    def wake(self):
        with contextlib.suppress(RuntimeError):  # it is awake
            self._sleep.release()


class Turn:
    """Thread safety: all of it. `holder` is set back by plain assignments, which no Ctrl-C comes between."""

    def __init__(self):
        self.holder = None
        self._mutex = threading.RLock()
        self._sleepers = []

    def is_mine(self):
        holder = self.holder
        return holder is not None and holder.thread == threading.get_ident()

    def take(self, waiter):
        """Whether this one drives now."""
        with self._mutex:
            if self.holder is None:
                self.holder = waiter
            return self.holder is waiter

    def sleep(self, waiter, seconds, ring):
        """Until what it waits for is reached, or it may drive. `ring`: called when the thread that drives can see this one."""
        with self._mutex:
            self._sleepers.append(waiter)
        try:
            ring()
            if self.holder is not None and self.holder is not waiter and not waiter.is_reached():
                waiter.sleep(seconds)
        finally:
            self._remove(waiter)

    def _remove(self, waiter):
        with self._mutex:
            if waiter in self._sleepers:
                self._sleepers.remove(waiter)

    def is_wanted(self):
        """Whether a sleeper wants to drive instead of the thread that does."""
        return bool(self._sleepers) and any(sleeper.is_urgent for sleeper in list(self._sleepers))

    def has_reader(self, job):
        return bool(self._sleepers) and any(sleeper.job is job for sleeper in list(self._sleepers))

    def pass_on(self, to=None):
        """Wake those whose wait is over. Where no thread drives, an urgent sleeper is to, or else the reader of the job `to`."""
        if self._sleepers:
            with self._mutex:
                self._pass_on(lambda sleeper: sleeper.is_urgent)
                if to is not None:
                    self._pass_on(lambda sleeper: sleeper.job is to)

    def leave(self, waiter):
        """It drives no more, and waits for nothing: somebody else drives."""
        if self._sleepers:
            with self._mutex:
                self._remove(waiter)
                self._pass_on(lambda sleeper: sleeper.is_urgent)
                self._pass_on(lambda sleeper: True)

    def _pass_on(self, is_next):
        for sleeper in self._sleepers:
            if self.holder is None and is_next(sleeper):
                self.holder = sleeper
                sleeper.wake()
            elif sleeper.is_reached():
                sleeper.wake()
