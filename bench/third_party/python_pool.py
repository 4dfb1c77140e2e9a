#!/usr/bin/python3
"""Python's multiprocessing.Pool of SIZE workers, one message for each task (chunksize=1), or as many as it likes.

The works and the line of JSON are those of tasks.hpp."""

import json
import multiprocessing
import signal
import statistics
import sys
from time import perf_counter as now

NOT_OFFERED = 3


def square(x):
    return x * x


def main(work, size, seconds):
    if work not in ("tasks", "tasks_in_chunks"):
        sys.exit(NOT_OFFERED)
    signal.alarm(int(20 + 10 * seconds))
    chunk = 1 if work == "tasks" else None
    with multiprocessing.Pool(size) as pool:

        def run(count):
            begin = now()
            if sum(pool.map(square, range(count), chunksize=chunk)) != sum(x * x for x in range(count)):
                sys.exit("python_pool: the results are wrong")
            return now() - begin

        count = 64
        while run(count) < seconds / 6:
            count *= 2
        begin, rates = now(), []
        while now() < begin + seconds or len(rates) < 3:
            rates.append(count / run(count))
    print(json.dumps({"unit": "tasks/s", "value": statistics.median(rates), "messages": count * len(rates)}))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(f"usage: {sys.argv[0]} WORK SIZE HOST_PROCESSOR PEER_PROCESSOR SECONDS")
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[5]))
