from ..messenger import PriorityMessenger
from ..worker_resource import WorkerResource


class LegacyWorkerResource(WorkerResource):
    """A WorkerResource of a class that is constructed with the messenger and the keyword arguments of `start`, and then called.

    It is constructed in the worker, where its messenger is. WorkerResource takes such classes, too, and functions besides.
    """

    _target_name = "worker_process_type"

    def __init__(self, worker_process_type, messenger_type=PriorityMessenger, method=None, **options):
        super().__init__(worker_process_type, messenger_type, method, **options)

    @property
    def worker_process_type(self):
        return self.target
