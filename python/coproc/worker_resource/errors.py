"""The exceptions of workers, where older versions had them."""

from ..errors import WorkerIsAlreadyAliveError, WorkerIsAlreadyDeadError, WorkerIsDeadError

__all__ = ["WorkerIsAlreadyAliveError", "WorkerIsAlreadyDeadError", "WorkerIsDeadError"]
