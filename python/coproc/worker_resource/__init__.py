from ..errors import WorkerIsAlreadyAliveError, WorkerIsAlreadyDeadError, WorkerIsDeadError
from .program_resource import ProgramResource, run_worker
from .restart import Backoff, HealthOptions, PoolRestartOptions, RecycleOptions, RestartOptions
from .supervised import Supervised
from .worker_resource import WorkerResource

__all__ = [
    "Backoff",
    "HealthOptions",
    "PoolRestartOptions",
    "ProgramResource",
    "RecycleOptions",
    "RestartOptions",
    "Supervised",
    "WorkerIsAlreadyAliveError",
    "WorkerIsAlreadyDeadError",
    "WorkerIsDeadError",
    "WorkerResource",
    "run_worker",
]
