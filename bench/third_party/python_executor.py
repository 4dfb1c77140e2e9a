#!/usr/bin/python3
"""Python's concurrent.futures.ProcessPoolExecutor whose only worker is killed in a task. It fails everything and is of
no more use, so that its user makes another one."""

import concurrent.futures
import os
import pathlib
import sys
from concurrent.futures.process import BrokenProcessPool

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work

HOLD = work.Hold()


def hold():
    HOLD()


def restart():
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        pid = executor.submit(os.getpid).result()
        in_hand, *others = [executor.submit(task) for task in (hold, os.getpid, os.getpid)]
        moment = HOLD.end_of(pid)
        work.check(isinstance(in_hand.exception(), BrokenProcessPool), "the task that was lost has not failed")
        with concurrent.futures.ProcessPoolExecutor(1) as another:
            next_pid = another.submit(os.getpid).result()
            time = (work.now() - moment) * 1e6
        work.check(next_pid != pid, "the answer is that of the dead worker")
        for other in others:
            work.check(isinstance(other.exception(), BrokenProcessPool), "a task that was not begun has not failed")
    return time


if __name__ == "__main__":
    work.run_job(lambda job: work.time_restarts(job, restart))
