"""Stateful worker processes that a program can talk to.

    import coproc

    def echo(messenger: coproc.PriorityMessenger):
        while True:
            messenger.send_reply(messenger.receive_blocking())

    with coproc.WorkerResource(echo) as worker:
        worker.messenger.send_request("hello")
        print(worker.messenger.receive_blocking())
"""

from . import _main_interpreter  # noqa: F401  before anything of the core
from . import this_worker  # noqa: F401
from ._core import (
    Confinement,
    DataMessage,
    ExitStatus,
    Hang,
    Launcher,
    Limits,
    LinkOptions,
    Machine,
    MachineLost,
    Metrics,
    Restart,
    Sandbox,
    StopOptions,
    ThreadStack,
    Trace,
    TraceSummary,
    Violation,
    WorkerEvent,
    command,
    mark,
    slurm,
    span,
    ssh,
    wait_any,
)
from .array import empty
from .errors import *  # noqa: F403
from .legacy_worker_resource import BaseWorkerProcess, LegacyWorkerResource
from .machine import Fence
from .messenger import (
    ChannelID,
    MultiMessenger,
    PriorityMessenger,
    RecvPayloadType,
    ReplyStream,
    SendPayloadType,
    Stream,
)
from .monitor import Monitor, MonitorMessengerInterface, Note, Stat, StatsResult
from .pool import (
    Executor,
    LazyPool,
    MultiprocessingPool,
    Pool,
    PoolInsights,
    Results,
    SlowTask,
    Task,
    TaskResult,
    WorkerInsights,
    WorkerResourcePool,
    as_completed,
)
from .queues import MultiQueue, PriorityMultiQueue, PriorityQueue, RequestCtr
from .worker_resource import (
    Backoff,
    HealthOptions,
    PoolRestartOptions,
    ProgramResource,
    RecycleOptions,
    RestartOptions,
    Supervised,
    WorkerResource,
    run_worker,
)
