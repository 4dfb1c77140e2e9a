"""Workers of one target, started and ended together."""

from __future__ import annotations

import dataclasses
import typing

from .. import _core
from ..errors import WorkerIsDeadError
from ..messenger import PriorityMessenger
from ..worker_resource import WorkerResource
from .arguments import check_count


@dataclasses.dataclass
class WorkerResourcePool:
    """Workers that are started and ended together. None of them is replaced: Pool does that.

        pool = coproc.WorkerResourcePool.new(4, serve)
        with pool:
            for answer in pool.map_messages(questions): ...

    :param workers: a list of WorkerResources
    :param start_kwargs: a dict of the keyword arguments that `start` passes to each target
    """

    workers: typing.List[WorkerResource]
    start_kwargs: typing.Dict[str, typing.Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def new(cls, n, target, messenger_type=PriorityMessenger, **start_kwargs):
        """Return a pool of workers with one target.

        :param n: the number of workers
        :param target: what each worker calls, with its messenger and `start_kwargs`
        :param messenger_type: PriorityMessenger, the default, or MultiMessenger
        :param start_kwargs: the keyword arguments of the target
        :return: the pool, which is not started
        :raises TypeError: if `messenger_type` is of another type, or `n` is no whole number
        :raises ValueError: if `n` is negative, or more than 65,536
        """
        check_count("n", n, least=0)
        return cls([WorkerResource(target, messenger_type) for _ in range(n)], start_kwargs)

    def set_start_kwargs(self, **kwargs):
        """Set the keyword arguments that the next start passes to the targets.

        :param kwargs: the keyword arguments
        """
        self.start_kwargs = kwargs

    def start(self, **kwargs):
        """Start all workers. If one cannot be started, those that were are stopped again.

        :param kwargs: further keyword arguments of the targets, which replace those of the same names
        :raises WorkerIsAlreadyAliveError: if a worker is alive
        :raises StartError: if a process cannot be started
        """
        try:
            for worker in self.workers:
                worker.start(**{**self.start_kwargs, **kwargs})
        except BaseException:
            self.stop()
            raise

    def stop(self, close=None, terminate=None, kill=None):
        """Stop all workers as `WorkerResource.stop` does, but all at once: together they take as long as one may.

        :param close: seconds from the close request to SIGTERM; None, the default, for that of the first worker's
            `stop_options`
        :param terminate: seconds from SIGTERM to SIGKILL; None as above
        :param kill: seconds to wait after SIGKILL; None as above
        :return: a list of the ExitStatuses, in the order of the workers, with None for one that was never started
        """
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
        """Ask all workers to close, and wait until they have ended.

        :return: a list of the ExitStatuses, in the order of the workers
        :raises WorkerIsAlreadyDeadError: if a worker was never started
        """
        for worker in self.workers:
            if worker.is_alive():
                worker.messenger.send_close_request()
        return self.apply_to_workers(lambda worker: worker.join())

    def terminate(self, check_alive=True):
        """Send SIGTERM to all workers. Does not wait.

        :param check_alive: whether it is an error if a worker is not alive; True by default
        :raises WorkerIsAlreadyDeadError: if `check_alive` is true and a worker is not alive
        """
        self.apply_to_workers(lambda worker: worker.terminate(check_alive=check_alive))

    def is_alive(self):
        """Return whether all workers are alive."""
        return all(worker.is_alive() for worker in self.workers)

    def wait_until_dead(self):
        """Wait until all workers have ended by themselves."""
        self.apply_to_workers(lambda worker: worker.join(check_alive=False))

    def apply_to_workers(self, func):
        """Return `[func(worker) for worker in workers]`.

        :param func: a function of a WorkerResource
        :return: the list
        """
        return [func(worker) for worker in self.workers]

    def map_messages(self, data_iter, channel_id=None):
        """Send each item as a request to a worker that has none, and yield the replies as they come.

        After an error a new call goes on with the workers that are left. It waits first for the replies that an earlier
        call has not received.

        :param data_iter: an iterable of what is sent
        :param channel_id: the channel of the requests and replies
        :return: a generator of the replies
        :raises Exception: what a worker raised
        :raises WorkerDiedError: if a worker has died
        :raises WorkerIsDeadError: if no worker is alive
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
