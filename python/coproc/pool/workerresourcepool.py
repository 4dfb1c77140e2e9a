"""Workers of one target, started and ended together."""

from __future__ import annotations

import dataclasses
import typing

from .. import _core
from ..errors import WorkerIsDeadError
from ..messenger import PriorityMessenger
from ..worker_resource import WorkerResource


@dataclasses.dataclass
class WorkerResourcePool:
    """Workers that are started and ended together. Nothing is replaced here: for calls of functions there is Pool.

    pool = coproc.WorkerResourcePool.new(4, serve)
    with pool:
        for answer in pool.map_messages(questions): ...
    """

    workers: typing.List[WorkerResource]
    start_kwargs: typing.Dict[str, typing.Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def new(cls, n, target, messenger_type=PriorityMessenger, **start_kwargs):
        """`n` workers of this target, which are started with `start_kwargs`."""
        return cls([WorkerResource(target, messenger_type) for _ in range(n)], start_kwargs)

    def set_start_kwargs(self, **kwargs):
        """What the next start passes to the targets."""
        self.start_kwargs = kwargs

    def start(self, **kwargs):
        """Start all. Where one cannot be started, those that were are stopped again."""
        try:
            for worker in self.workers:
                worker.start(**{**self.start_kwargs, **kwargs})
        except BaseException:
            self.stop()
            raise

    def stop(self, close=None, terminate=None, kill=None):
        """As `WorkerResource.stop`, all at once: together they take as long as one may. The ExitStatuses, in the order of the workers; None: never started."""
        started = [worker for worker in self.workers if worker._messenger is not None]
        if not started:
            return [None] * len(self.workers)
        times = started[0].stop_options
        options = _core.StopOptions(
            times.close if close is None else close,
            times.terminate if terminate is None else terminate,
            times.kill if kill is None else kill,
        )
        _core.stop_all([worker._worker for worker in started], options)
        for worker in started:
            worker._reap()
        return [worker.exit_status for worker in self.workers]

    def join(self):
        """Ask all to close, and wait until they have ended. The ExitStatuses."""
        for worker in self.workers:
            if worker.is_alive():
                worker.messenger.send_close_request()
        return self.apply_to_workers(lambda worker: worker.join())

    def terminate(self, check_alive=True):
        """Send SIGTERM to all, and do not wait."""
        self.apply_to_workers(lambda worker: worker.terminate(check_alive=check_alive))

    def is_alive(self):
        """Whether all are."""
        return all(worker.is_alive() for worker in self.workers)

    def wait_until_dead(self):
        """Wait until all have ended by themselves."""
        self.apply_to_workers(lambda worker: worker.join(check_alive=False))

    def apply_to_workers(self, func):
        """`[func(worker) for worker in workers]`"""
        return [func(worker) for worker in self.workers]

    def map_messages(self, data_iter, channel_id=None):
        """Send each item as a request to a worker that has none, and yield the replies as they come.

        What a worker raises, and its death (WorkerDiedError), is raised here; a new call goes on with the workers that are left, and
        waits first for the replies that an earlier one has not. WorkerIsDeadError: no worker is left.
        """
        source = iter(data_iter)
        alive = [worker for worker in reversed(self.workers) if worker.is_alive()]
        if not alive:
            raise WorkerIsDeadError("map_messages: no worker of this pool is alive: start() it")
        for worker in alive:
            for _ in worker.messenger.receive_remaining(channel_id):
                pass
        idle = alive
        busy = []
        while True:
            while idle:
                try:
                    data = next(source)
                except StopIteration:
                    break
                worker = idle.pop()
                worker.messenger.send_request(data, channel_id)
                busy.append(worker)
            if not busy:
                return
            worker = busy[_core.wait_any([worker.messenger for worker in busy])]
            for reply in worker.messenger.receive_available(channel_id):
                yield reply
            if worker.messenger.remaining(channel_id) == 0:
                busy.remove(worker)
                idle.append(worker)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def __iter__(self):
        return iter(self.workers)

    def __len__(self):
        return len(self.workers)
