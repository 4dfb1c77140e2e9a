import dataclasses

from ..errors import WorkerIsAlreadyDeadError
from ..messenger import PriorityMessenger
from ..worker_resource import WorkerResource
from ..worker_resource.entry import CallMade, construct


@dataclasses.dataclass(init=False, repr=False, eq=False)
class LegacyWorkerResource(WorkerResource):
    """A WorkerResource of a class that is constructed with the worker's messenger, its parameter `messenger`, and the keyword arguments of `start`.

    It is constructed in the host, where its messenger cannot be used yet; the worker calls the object. WorkerResource takes such classes, too, which it
    constructs in the worker, and functions besides.
    """

    _target_name = "worker_process_type"

    def __init__(self, worker_process_type, messenger_type=PriorityMessenger, method=None, **options):
        super().__init__(worker_process_type, messenger_type, method, **options)

    def join(self, check_alive=True, timeout=None):
        """Ask the worker to close, and wait for its end, as `WorkerResource.join`.

        What it has sent stays receivable; an error that it has sent is raised at once. WorkerIsAlreadyDeadError: it is not alive; with `check_alive` False
        that is no error.
        """
        if check_alive is True and not self.is_alive():
            raise WorkerIsAlreadyDeadError(f"join: worker {self._name!r} is not alive")
        if self.is_alive():
            self.messenger.available()
            self.messenger.send_close_request()
        return super().join(check_alive, timeout)

    def _call(self, messenger, kwargs):
        return CallMade(construct(self.target, messenger, kwargs))

    @property
    def worker_process_type(self):
        return self.target
