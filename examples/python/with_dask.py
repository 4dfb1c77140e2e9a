"""A graph of Dask that is computed by the workers of an executor of coproc:  with_dask.py"""

import os

import coproc
import dask


@dask.delayed
def load(number):
    return list(range(number)), os.getpid()


@dask.delayed
def total(parts):
    return sum(sum(numbers) for numbers, _ in parts), {pid for _, pid in parts}


def main():
    parts = [load(number) for number in range(20)]
    # Dask's scheduler for processes takes any executor. That for threads would not pickle the errors of tasks.
    with coproc.Executor(2, method="forkserver", max_retries=1) as executor:
        with dask.config.set(scheduler="processes", pool=executor):
            found, pids = total(parts).compute()
    print(f"the total is {found}, by {'workers' if os.getpid() not in pids else 'the host'}")


if __name__ == "__main__":
    main()
