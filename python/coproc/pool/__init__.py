from .lazypool import LazyPool
from .pool import Pool, Results, WorkerInsights
from .task import Task, as_completed
from .workerresourcepool import WorkerResourcePool

__all__ = ["LazyPool", "Pool", "Results", "Task", "WorkerInsights", "WorkerResourcePool", "as_completed"]
