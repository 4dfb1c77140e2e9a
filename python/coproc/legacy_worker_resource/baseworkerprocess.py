import dataclasses

from ..messenger import PriorityMessenger


@dataclasses.dataclass
class BaseWorkerProcess:
    """A base for classes that a worker runs, which keeps the messenger.

    Subclasses define `__call__`, and fields for the arguments of `start`.

    :param messenger: the worker's messenger
    """

    messenger: PriorityMessenger
