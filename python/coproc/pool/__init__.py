from .executor import Executor
from .insights import PoolInsights, SlowTask, WorkerInsights
from .lazypool import LazyPool
from .multiprocessing_pool import MultiprocessingPool
from .pool import Pool
from .results import Results
from .task import Task, as_completed
from .task_result import TaskResult
from .workerresourcepool import WorkerResourcePool

__all__ = [
    "Executor",
    "LazyPool",
    "MultiprocessingPool",
    "Pool",
    "PoolInsights",
    "Results",
    "SlowTask",
    "Task",
    "TaskResult",
    "WorkerInsights",
    "WorkerResourcePool",
    "as_completed",
]
