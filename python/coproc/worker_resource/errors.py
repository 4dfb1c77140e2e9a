"""The exceptions of workers, in the module where older versions had them."""

from ..errors import WorkerIsAlreadyAliveError, WorkerIsAlreadyDeadError, WorkerIsDeadError

__all__ = ["WorkerIsAlreadyAliveError", "WorkerIsAlreadyDeadError", "WorkerIsDeadError"]
