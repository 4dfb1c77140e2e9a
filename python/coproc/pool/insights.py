"""Statistics of a pool."""

import dataclasses


@dataclasses.dataclass
class WorkerInsights:
    """One place of a pool: the worker that is there now, or was last, and sums over all workers that were there.

    `pool.insights()` makes these.

    :param pid: the process that is there now, or was last
    :param starts: how many workers were started for this place
    :param tasks: how many tasks have ended here
    :param failed: how many of these tasks have failed
    :param start_seconds: the time from the starts until `init` had returned
    :param busy_seconds: the time in tasks
    :param idle_seconds: the time between tasks
    :param peak_memory_bytes: the most resident bytes that any of these workers had
    :param machine: the name of the Machine on which it runs; empty, the default, stands for this one
    """

    pid: int
    starts: int
    tasks: int
    failed: int
    start_seconds: float
    busy_seconds: float
    idle_seconds: float
    peak_memory_bytes: int
    machine: str = ""

    @property
    def replaced(self):
        """How many times another worker has taken this place."""
        return max(0, self.starts - 1)


@dataclasses.dataclass
class SlowTask:
    """One of the slowest tasks of a pool. `pool.insights()` makes these.

    :param task: the index of the task in its map, or the number of the call of `submit`
    :param pid: the process that ran it
    :param seconds: how long it took
    """

    task: int
    pid: int
    seconds: float


class PoolInsights:
    """Statistics of a pool: a sequence with a WorkerInsights for each place. `pool.insights()` makes it.

    `slowest` is a list of the ten slowest tasks, SlowTasks, the slowest one first.

    :param workers: the values of each WorkerInsights
    :param slowest: the values of each SlowTask
    :param table: what `table()` returns
    """

    def __init__(self, workers, slowest, table):
        self._workers = [WorkerInsights(*each) for each in workers]
        self.slowest = [SlowTask(*each) for each in slowest]
        self._table = table

    def __len__(self):
        return len(self._workers)

    def __getitem__(self, place):
        return self._workers[place]

    def __iter__(self):
        return iter(self._workers)

    def table(self):
        """Return lines for people: one for each worker, their sums, and the slowest tasks."""
        return self._table
