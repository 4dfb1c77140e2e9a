from .lazypool import LazyPool
from .pool import Pool
from .task import Task, as_completed
from .workerresourcepool import WorkerResourcePool

__all__ = ["LazyPool", "Pool", "Task", "WorkerResourcePool", "as_completed"]
