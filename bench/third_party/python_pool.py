#!/usr/bin/python3
"""Python's multiprocessing.Pool of SIZE workers, with one message for each task (chunksize=1) or the default; and one
whose only worker is killed in a task."""

import multiprocessing
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work

HOLD = work.Hold()


def hold():
    HOLD()


def restart():
    with multiprocessing.Pool(1) as pool:
        lost, waiting = pool.apply_async(hold), pool.apply_async(os.getpid)
        pid = pool._pool[0].pid
        moment = HOLD.end_of(pid)
        next_pid = waiting.get()
        time = (work.now() - moment) * 1e6
        work.check(next_pid != pid, "the answer is that of the dead worker")
        work.check(not lost.ready(), "the result of the task that was lost is there")  # and never will be
    return time


def run(job):
    if job.work == "restart":
        return work.time_restarts(job, restart)
    if job.work not in ("tasks", "tasks_in_chunks", "python_pool"):
        return None
    chunk = None if job.work == "tasks_in_chunks" else 1
    with multiprocessing.Pool(job.size) as pool:
        return work.time_tasks(job, lambda count: sum(pool.map(work.square, range(count), chunksize=chunk)))


if __name__ == "__main__":
    work.run_job(run)
