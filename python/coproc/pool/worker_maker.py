"""Makes the workers of a Python pool for the core."""

import functools


class WorkerMaker:
    """Makes and starts a pool's workers for the core.

    It does not refer to the pool, which is garbage when its users drop it.
    """

    def __init__(self, workers, new_worker, kwargs, processors):
        self._workers = workers
        self._new_worker = new_worker
        self._kwargs = kwargs
        self._processors = processors
        self._made = set()

    def __call__(self, number):
        if number in self._made:  # the worker before could not be ended
            self._workers[number] = self._new_worker(number=number)
        self._made.add(number)
        worker = self._workers[number]
        processor = self._processors[number % len(self._processors)]
        start = functools.partial(worker.start, processor=processor, **self._kwargs)
        return start, worker._reap, worker._worker
