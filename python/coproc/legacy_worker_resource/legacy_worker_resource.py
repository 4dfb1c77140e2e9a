import dataclasses

from ..errors import WorkerIsAlreadyDeadError
from ..messenger import PriorityMessenger
from ..worker_resource import WorkerResource
from ..worker_resource.entry import CallMade, construct


@dataclasses.dataclass(init=False, repr=False, eq=False)
class LegacyWorkerResource(WorkerResource):
    """A WorkerResource of the old package, whose target is a class that is constructed in the host.

    The class is constructed with the worker's messenger, as its parameter `messenger`, and the keyword arguments of
    `start`. That messenger can be used only in the worker, which calls the object. A WorkerResource takes such classes,
    too, and constructs them in the worker.

    :param worker_process_type: the class
    :param messenger_type: PriorityMessenger, the default, or MultiMessenger
    :param method: 'fork', 'spawn', 'forkserver', or None, the default, for multiprocessing's default
    :param name: the name of the worker in errors; None, the default, stands for the name of the class
    :param stop: StopOptions, which say how long the worker may take to end; None, the default, for `StopOptions()`
    :param link: the LinkOptions of the link; None, the default, for `LinkOptions()`
    :param number: the result of `this_worker.number()` in the worker, as in WorkerResource
    :param seed: what `this_worker.seed()` follows from, as in WorkerResource
    :param sandbox: the Sandbox of the worker, or None, as in WorkerResource
    :param limits: the Limits of the worker, or None, as in WorkerResource
    :param control_group: where it is put into a control group of its own, or None, as in WorkerResource
    :param trust_pickle: whether messages of a worker in a sandbox may be pickles, as in WorkerResource
    :raises TypeError: if `messenger_type`, `stop` or `link` is of another type
    :raises ValueError: if there is no such method
    """

    _target_name = "worker_process_type"

    def __init__(self, worker_process_type, messenger_type=PriorityMessenger, method=None, **options):
        super().__init__(worker_process_type, messenger_type, method, **options)

    def join(self, check_alive=True, timeout=None):
        """Ask the worker to close, and wait for its end. Blocks until then.

        Messages of the worker stay receivable. An exception that it has sent is raised at once, instead of the wait.

        :param check_alive: whether it is an error if the worker is not alive; True by default
        :param timeout: The seconds to wait. None, the default: for ever.
        :return: the ExitStatus of the worker; None if it is still alive after `timeout` or, with `check_alive` False,
            was never started
        :raises WorkerIsAlreadyDeadError: with `check_alive`, if the worker is not alive
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
        """The class."""
        return self.target
