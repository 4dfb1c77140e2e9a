from .program_resource import ProgramResource, run_worker
from .worker_resource import WorkerResource

__all__ = ["ProgramResource", "WorkerResource", "run_worker"]
