#!/usr/bin/python3
"""Python's multiprocessing.Pool of SIZE workers, with one message for each task (chunksize=1) or the default."""

import multiprocessing
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work


def run(job):
    if job.work not in ("tasks", "tasks_in_chunks", "python_pool"):
        return None
    chunk = None if job.work == "tasks_in_chunks" else 1
    with multiprocessing.Pool(job.size) as pool:
        return work.time_tasks(job, lambda count: sum(pool.map(work.square, range(count), chunksize=chunk)))


if __name__ == "__main__":
    work.run_job(run)
