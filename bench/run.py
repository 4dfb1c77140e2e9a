#!/usr/bin/python3
"""Runs all benchmark programs side by side, interleaved, and writes the results.

Rounds are the outermost loop, then the works, then the peers in turn (A B C, A B C, ...), so that a machine that is
slow for a while slows all of them. Writes RESULTS.json; then report.py writes tables to RESULTS.md and plots to
RESULTS-*.svg."""

import argparse
import datetime
import json
import os
import pathlib
import signal
import sys
import time

import machine
import report
import trial
from results import Results

ROOT = pathlib.Path(__file__).resolve().parent
SIZES = [64, 1024, 16384, 262144, 1048576]
GIB = 1 << 30

# Work: (sizes by placement, seconds of a trial). The size of a start is the memory that the host has touched before,
# that of a crowd is the number of its workers, and that of a small dataclass in Python does not matter.
EVERYWHERE = {"apart": [64], "together": [64], "free": [64]}
OVER_SIZES = {"apart": SIZES, "together": [64, 16384, 1048576], "free": [64, 16384, 1048576]}
FULL = {
    "round_trip": (OVER_SIZES, 0.2),
    "asleep": (EVERYWHERE, 0.2),
    "stream": (OVER_SIZES, 0.2),
    "stream_batch": (EVERYWHERE, 0.2),
    "stream_priorities": (EVERYWHERE, 0.2),
    "start": ({"free": [0, GIB]}, 0.3),
    "stop": ({"free": [0]}, 0.3),
    "death": ({"free": [0]}, 0.3),
    "crowd_descriptors": ({"free": [1000]}, 0.1),
    "crowd_memory": ({"free": [1000]}, 0.1),
    "loan": ({"apart": [64, 64 << 20]}, 0.2),
    "idle": ({"free": [0]}, 2.0),
    "tasks": ({"free": [2]}, 1.0),
    "tasks_in_chunks": ({"free": [2]}, 1.0),
    "sleeping_tasks": ({"free": [8]}, 1.0),
    "sleeping_host": ({"free": [8]}, 1.0),
    "many_tasks": ({"free": [10_000_000]}, 1.0),
    "pool_start": ({"free": [64]}, 0.5),
    "pool_stop": ({"free": [64]}, 0.5),
    "python_round_trip": ({"apart": [0]}, 0.3),
    "python_stream": ({"apart": [0]}, 0.5),
    "python_array": ({"apart": [64 << 20]}, 1.0),
    "python_array_first": ({"apart": [64 << 20]}, 1.0),
    "python_array_shared": ({"apart": [64 << 20]}, 0.3),
    "python_pool": ({"free": [2]}, 1.0),
}
# The same works at the ends of the range of sizes. No crowds, no large hosts.
ENDS = {"apart": [64, 1048576], "together": [64], "free": [64]}
QUICK = {
    "round_trip": (ENDS, 0.05),
    "asleep": ({"apart": [64]}, 0.05),
    "stream": (ENDS, 0.05),
    "stream_batch": ({"apart": [64]}, 0.05),
    "stream_priorities": ({"apart": [64]}, 0.05),
    "start": ({"free": [0]}, 0.05),
    "stop": ({"free": [0]}, 0.05),
    "death": ({"free": [0]}, 0.05),
    "loan": ({"apart": [64, 64 << 20]}, 0.1),
    "idle": ({"free": [0]}, 1.0),
    "tasks": ({"free": [2]}, 0.3),
    "sleeping_tasks": ({"free": [8]}, 0.5),
    "sleeping_host": ({"free": [8]}, 0.5),
    "pool_start": ({"free": [64]}, 0.1),
    "pool_stop": ({"free": [64]}, 0.1),
    "python_round_trip": ({"apart": [0]}, 0.1),
    "python_stream": ({"apart": [0]}, 0.1),
    "python_array": ({"apart": [64 << 20]}, 0.2),
    "python_array_first": ({"apart": [64 << 20]}, 0.2),
    "python_array_shared": ({"apart": [64 << 20]}, 0.1),
    "python_pool": ({"free": [2]}, 0.3),
}


def read_options():
    parser = argparse.ArgumentParser(description="Runs the benchmarks and writes their results.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT.parent / "build/release", help="the build directory")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--works", help="only these, separated by commas")
    parser.add_argument("--peers", help="only these, separated by commas")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, shorter trials: under five minutes")
    parser.add_argument("--seconds", type=float, help="of each trial, whatever the work")
    parser.add_argument(
        "--wait-for-quiet",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long in all to wait for moments in which nothing else runs",
    )
    parser.add_argument("--output", type=pathlib.Path, help="RESULTS.json; by default bench/results/DATE.json")
    options = parser.parse_args()

    programs = options.build / "bench/peers"
    known = (
        sorted(p.name for p in programs.iterdir() if os.access(p, os.X_OK) and p.is_file()) if programs.is_dir() else []
    )
    plan = QUICK if options.quick else FULL
    options.peers = choose(parser, "peers", options.peers, known)
    options.works = choose(parser, "works", options.works, list(plan))
    options.plan = {work: plan[work] for work in plan if work in options.works}
    options.programs = {name: programs / name for name in options.peers}
    options.flag = programs / "flag"
    if not options.flag.exists():
        parser.error(f"no programs in {programs}: build them first (make bench does)")
    if options.output is None:
        options.output = ROOT / "results" / f"{datetime.date.today()}{'-quick' if options.quick else ''}.json"
    return options


def choose(parser, what, wanted, known):
    if wanted is None:
        return known
    unknown = set(wanted.split(",")) - set(known)
    if unknown:
        parser.error(f"no such {what}: {', '.join(sorted(unknown))} (there are: {', '.join(known)})")
    return [name for name in known if name in wanted.split(",")]


class Run:
    def __init__(self, options):
        self.options = options
        self.results = Results()
        usable = machine.usable_processors()
        first, last = usable[0], usable[-1]
        self.placements = {"apart": (first, last), "together": (first, first), "free": (-1, -1)}
        if first == last:
            del self.placements["apart"]
        self.prober = trial.Prober(options.flag, self.placements.get("apart", (first, first)))
        self.quiet = machine.QuietMoments(options.wait_for_quiet)
        self.not_offered = set()
        self.failures = {}  # by key: how often the trial has failed, and with which error

    def jobs(self):
        """Yield the jobs of a round in their order, without the peers."""
        for work, (sizes, seconds) in self.options.plan.items():
            for placement in (p for p in sizes if p in self.placements):
                for size in sizes[placement]:
                    yield work, size, placement, self.options.seconds or seconds

    def round(self, number):
        for work, size, placement, seconds in self.jobs():
            for peer in self.options.peers:
                key = (peer, work, size, placement)
                if (peer, work, size) not in self.not_offered and self.failures.get(key, (0, ""))[0] < 2:
                    self.measure(key, number, seconds)

    def measure(self, key, number, seconds):
        """Run a trial, and run it once more if its probes disagree."""
        for attempt in range(2):
            self.quiet.wait()
            steady = self.try_once(key, number, seconds)
            if steady:
                break

    def try_once(self, key, number, seconds):
        peer, work, size, placement = key
        is_apart = placement == "apart"
        try:
            before = self.prober.before() if is_apart else self.prober.forget()
            result = trial.run(self.options.programs[peer], work, size, self.placements[placement], seconds)
            if result is None:
                self.not_offered.add((peer, work, size))
                return True
            after = self.prober.after() if is_apart else None
        except trial.Failed as failure:
            self.prober.forget()
            count = self.failures.get(key, (0, ""))[0] + 1
            self.failures[key] = (count, str(failure))
            trial.warn(f"failed: {failure}")
            return True
        entry = {"round": number, "value": float(f"{result['value']:.6g}"), "before": before, "after": after}
        if "percentiles" in result:
            entry["percentiles"] = result["percentiles"]
        self.results.add(key, result["unit"], entry)
        return trial.is_steady(before, after)


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # exits after the present trial was ended
    run = Run(options)
    noise = machine.Noise()
    begin = time.monotonic()
    for number in range(options.rounds):
        run.round(number)
        spent = time.monotonic() - begin
        trial.warn(
            f"round {number + 1} of {options.rounds}: {spent:.0f} s, "
            f"{spent / (number + 1) * (options.rounds - number - 1):.0f} s to go, {noise.percent()}"
        )
    data = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {**machine.describe(options.build), **noise.percent()},
        "rounds": options.rounds,
        "seconds": round(time.monotonic() - begin),
        "quick": options.quick,
        "measurements": run.results.finish(),
        "failures": [
            {"peer": p, "work": w, "size": s, "placement": l, "times": count, "text": text}
            for (p, w, s, l), (count, text) in run.failures.items()
        ],
    }
    report.write(data, options.output)
    print(options.output.with_suffix(".md").read_text(), end="")
    trial.warn(f"written: {options.output} and what stands beside it")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
