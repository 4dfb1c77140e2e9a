"""Bars of tqdm over a map and over submitted tasks:  with_tqdm.py"""

import sys
import time

import coproc
from tqdm import tqdm


def work(seconds):
    time.sleep(seconds)
    return seconds


def main():
    times = [0.001 * (number % 7) for number in range(100)]
    with coproc.Pool(2, method="forkserver") as pool:
        # The index says which item a result or an error is of, although the results come in any order.
        slept = {}
        for result in tqdm(pool.map_unordered(work, times).as_results(), total=len(times), desc="map"):
            slept[result.index] = result.value
        tasks = [pool.submit(work, seconds) for seconds in times[:20]]
        ended = [task.result() for task in tqdm(coproc.as_completed(tasks), total=len(tasks), desc="tasks")]
    in_order = [slept[index] for index in range(len(times))] == times
    print(f"{len(slept)} results, {'each at its index' if in_order else 'mixed up'}; {len(ended)} tasks")
    return 0 if in_order else 1


if __name__ == "__main__":
    sys.exit(main())
