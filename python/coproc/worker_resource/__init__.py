from ..errors import WorkerIsAlreadyAliveError, WorkerIsAlreadyDeadError, WorkerIsDeadError
from .program_resource import ProgramResource, run_worker
from .worker_resource import WorkerResource

__all__ = [
    "ProgramResource",
    "WorkerIsAlreadyAliveError",
    "WorkerIsAlreadyDeadError",
    "WorkerIsDeadError",
    "WorkerResource",
    "run_worker",
]
