import dataclasses

from ..messenger import PriorityMessenger


@dataclasses.dataclass
class BaseWorkerProcess:
    """A base for classes that a worker runs: it keeps the messenger. Subclasses have `__call__`, and fields for what they are started with."""

    messenger: PriorityMessenger
