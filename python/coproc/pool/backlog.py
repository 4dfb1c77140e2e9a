"""What waits for a worker: maps, which are read as they are needed, and chunks that were cut already."""

import collections
import threading


class Backlog:
    """Thread safety: all of it."""

    def __init__(self):
        self._mutex = threading.RLock()  # re-entered where a collector's run drops results
        self._jobs = ()  # (job, call) of maps; another tuple for each change
        self._chunks = collections.deque()  # submitted calls, and what a dead worker had not begun
        self.tasks = 0  # in these chunks

    def __bool__(self):
        return bool(self._jobs or self._chunks)

    # ---- maps ----

    def add_job(self, job, call):
        with self._mutex:
            self._jobs += ((job, call),)

    def jobs(self):
        """In the order in which they are served: those that somebody waits for, in turn, and then the others."""
        jobs = self._jobs
        if len(jobs) < 2:
            return jobs
        return sorted(jobs, key=lambda entry: (not entry[0].is_awaited, entry[0].served))

    def drop(self, job):
        """Nothing more of it is read."""
        with self._mutex:
            self._jobs = tuple(entry for entry in self._jobs if entry[0] is not job)

    # ---- chunks ----

    def add(self, chunk, is_first=False):
        """Whether it is the only one."""
        with self._mutex:
            if chunk.job.is_closed:
                return False
            chunk.job.waiting += len(chunk.items)
            self.tasks += len(chunk.items)
            if is_first:
                self._chunks.appendleft(chunk)
            else:
                self._chunks.append(chunk)
            return len(self._chunks) == 1

    def next_call(self):
        """That of the next chunk; None: there is none."""
        try:
            return self._chunks[0].call
        except IndexError:
            return None

    def take(self):
        """The next chunk; None: there is none."""
        with self._mutex:
            while self._chunks:
                chunk = self._chunks.popleft()
                if not chunk.job.is_closed:
                    chunk.job.waiting -= len(chunk.items)
                    self.tasks -= len(chunk.items)
                    return chunk
        return None

    # ---- ends ----

    def close(self, job):
        """Nobody wants its results any more. Whether any of its chunks were here.

        These are passed over when it is their turn; those that stand in front, and the last ones, go at once.
        """
        with self._mutex:
            was_waiting = job.waiting != 0
            job.is_closed = True
            self.tasks -= job.waiting
            job.waiting = 0
            while self._chunks and self._chunks[-1].job.is_closed:
                self._chunks.pop()
            while self._chunks and self._chunks[0].job.is_closed:
                self._chunks.popleft()
            return was_waiting

    def take_back(self, job):
        """Close it if it is here. Whether it was."""
        with self._mutex:
            return job.waiting != 0 and self.close(job)

    def take_all(self):
        """The jobs, and the chunks."""
        with self._mutex:
            jobs, self._jobs = self._jobs, ()
            chunks, self._chunks = self._chunks, collections.deque()
            self.tasks = 0
        for chunk in chunks:
            chunk.job.waiting = 0
        return [job for job, _ in jobs], chunks
