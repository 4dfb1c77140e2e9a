#!/usr/bin/env python3
"""Watches the same programs by `coproc monitor`, by psutil and by Dask, and prints what each has seen and taken.

    bench/monitors.py build/release/bin/coproc

Two programs: one whose child allocates 200 MiB and lives for 300 ms, 11 times; and one with 10 processes that sleep for
20 seconds. psutil (Debian: python3-psutil) is asked for memory and processor time of the process and its descendants
every 250 ms, which is what psrecord does. Dask (python3-distributed) runs the first program as a task, with its
MemorySampler at 250 ms, and 10 workers in place of the 10 processes. What is not installed is left out.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

INTERVAL = 0.25
MIB = 1 << 20
TIMES = 11
IDLE_SECONDS = 20
CHILD = f"import sys, time; b = b'x' * ({200 * MIB}); time.sleep(max(0, float(sys.argv[1]) + 0.3 - time.time()))"
# Writes the peaks of its children as the kernel has counted them.
PARENT = f"""
import os, subprocess, sys, time
for _ in range({TIMES}):
    child = subprocess.Popen([sys.executable, "-ISc", {CHILD!r}, str(time.time())])
    _, _, used = os.wait4(child.pid, 0)
    print(used.ru_maxrss * 1024, flush=True)
    time.sleep(0.3)
"""
SLEEPERS = f"""
import subprocess
for child in [subprocess.Popen(["sleep", "{IDLE_SECONDS}"]) for _ in range(9)]:
    child.wait()
"""


def processor_seconds(pids):
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)  # as clock_getcpuclockid(3) makes it


def report(who, true_peaks, seen_peaks, share):
    """`seen_peaks`: those above a half of the true one. A share is of one processor."""
    caught = [peak for peak in seen_peaks if peak > 0.5 * statistics.median(true_peaks)]
    of_truth = 100 * statistics.median(caught) / statistics.median(true_peaks) if caught else 0
    found = f"{len(caught)} of {TIMES} peaks, {of_truth:.1f} % of the true one (median)"
    print(f"{who}: {found}; {100 * share:.3f} % of a processor")


def share_of(pids, seconds):
    begin, before = time.monotonic(), processor_seconds(pids)
    time.sleep(seconds)
    return (processor_seconds(pids) - before) / (time.monotonic() - begin)


def by_coproc(coproc):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.json")
        command = [coproc, "monitor", "-q", "-o", path, "--", sys.executable, "-c", PARENT]
        true_peaks = [int(line) for line in subprocess.run(command, capture_output=True, text=True).stdout.split()]
        with open(path) as file:
            processes = json.load(file)["processes"]
    peaks = [one["peak_bytes"] for one in processes]
    monitor = subprocess.Popen([coproc, "monitor", "-q", "--", sys.executable, "-c", SLEEPERS])
    time.sleep(2)
    share = share_of([monitor.pid], IDLE_SECONDS - 4)
    monitor.wait()
    report("coproc monitor", true_peaks, peaks, share)


def by_psutil():
    import psutil

    def sample(process):
        """As psrecord: the processor time and memory of the process, and of its descendants."""
        seen = {}
        with contextlib.suppress(psutil.Error):
            for one in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    one.cpu_percent()
                    seen[one.pid] = one.memory_info().rss
        return seen

    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    process = psutil.Process(parent.pid)
    peaks = {}
    while parent.poll() is None:
        for pid, rss in sample(process).items():
            peaks[pid] = max(peaks.get(pid, 0), rss)
        time.sleep(INTERVAL)
    true_peaks = [int(line) for line in parent.stdout.read().split()]
    sleepers = subprocess.Popen([sys.executable, "-c", SLEEPERS])
    time.sleep(2)
    process = psutil.Process(sleepers.pid)
    begin, before = time.monotonic(), time.process_time()
    while time.monotonic() < begin + IDLE_SECONDS - 4:
        sample(process)
        time.sleep(INTERVAL)
    share = (time.process_time() - before) / (time.monotonic() - begin)
    sleepers.wait()
    report("psutil, as psrecord", true_peaks, list(peaks.values()), share)


def run_children():
    found = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def allocate():
    block = b"x" * (200 * MIB)
    time.sleep(0.3)
    return len(block)


def peaks_in(samples, least):
    """The largest sample of each stretch that is above `least`."""
    peaks, is_above = [], False
    for value in samples:
        if value > least:
            peaks = [*peaks[:-1], max(peaks[-1], value)] if is_above else [*peaks, value]
        is_above = value > least
    return peaks


def by_dask():
    import distributed
    from distributed.diagnostics import MemorySampler

    def peaks_of(task, times):
        sampler = MemorySampler()
        with sampler.sample("run", measure="process", interval=INTERVAL):
            results = []
            for _ in range(times):
                results.append(client.submit(task, pure=False).result())
                time.sleep(1)  # so that what comes next is another peak
        return results, peaks_in([value for _, value in sampler.samples["run"]], 150 * MIB)

    options = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0, "silence_logs": 50}
    with distributed.LocalCluster(n_workers=1, **options) as cluster, distributed.Client(cluster) as client:
        (true_peaks,), child = peaks_of(run_children, 1)
        _, own = peaks_of(allocate, TIMES)
    with distributed.LocalCluster(n_workers=10, **options) as cluster, distributed.Client(cluster) as client:
        time.sleep(5)
        pids = [os.getpid(), *client.run(os.getpid).values()]
        share = share_of(pids, IDLE_SECONDS - 4)
    report("Dask, of the child", true_peaks, child, share)
    report("Dask, of a task that allocates as much itself", true_peaks, own, share)


def main(coproc):
    by_coproc(coproc)
    for work in (by_psutil, by_dask):
        try:
            work()
        except ImportError as error:
            print(f"{work.__name__}: not run: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
