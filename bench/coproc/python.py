#!/usr/bin/python3
"""coproc's Python module: a PriorityMessenger with values, and its Pool. The module is that of the build directory in
which this program is."""

import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work

PACKAGES = pathlib.Path(sys.argv[0]).absolute().parents[2] / "python"
if not any(PACKAGES.glob("coproc/_core*.so")):
    sys.exit(work.NOT_OFFERED)
sys.path.insert(0, str(PACKAGES))
import coproc


def target(messenger, job, peer):
    peer(job, work.messenger_link(job, messenger, is_host=False))


@contextlib.contextmanager
def start(job, peer):
    worker = coproc.WorkerResource(target)
    worker.start(job=job, peer=peer)
    yield work.messenger_link(job, worker.messenger, is_host=True)
    worker.join()
    work.check(worker.exit_status.code == 0, f"the worker failed: {worker.exit_status}")


def run(job):
    if job.work not in ("tasks", "tasks_in_chunks", "python_pool"):
        return work.run_values(job, start)
    chunk = 1 if job.work == "tasks" else None
    with coproc.Pool(job.size) as pool:
        return work.time_tasks(job, lambda count: sum(pool.map(work.square, range(count), chunksize=chunk)))


if __name__ == "__main__":
    work.run_job(run)
