#!/usr/bin/python3
"""Python's multiprocessing.Queue, one in each direction, with values."""

import contextlib
import multiprocessing
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work


@contextlib.contextmanager
def start(job, peer):
    there, back = multiprocessing.Queue(), multiprocessing.Queue()
    with work.process(peer, job, work.Link(back.put, there.get)):
        yield work.Link(there.put, back.get)


if __name__ == "__main__":
    work.run_job(lambda job: work.run_values(job, start))
