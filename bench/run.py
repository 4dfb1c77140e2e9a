#!/usr/bin/python3
"""Runs all benchmark programs side by side, interleaved, and writes the results.

Rounds are the outermost loop, then the works, then the peers in turn (A B C, A B C, ...), so that a machine that is
slow for a while slows all of them. Writes RESULTS.json; then report.py writes tables to RESULTS.md and plots to
RESULTS-*.svg. At the end it prints which marks (marks.py) are met."""

import argparse
import collections
import datetime
import json
import os
import pathlib
import shutil
import signal
import sys
import time

import judge
import machine
import plan
import report
import trial
from instructions import check
from marks import INSTRUCTIONS
from results import Results

ROOT = pathlib.Path(__file__).resolve().parent


def read_options():
    parser = argparse.ArgumentParser(description="Runs the benchmarks and writes their results.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT.parent / "build/release", help="the build directory")
    parser.add_argument("--rounds", type=int, help="by default 7; of a quick run up to 5, as many as it has time for")
    parser.add_argument("--works", help="only these, separated by commas")
    parser.add_argument("--peers", help="only these, separated by commas")
    parser.add_argument("--quick", action="store_true", help="only what the marks need: under five minutes")
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
    options.programs = {p.name: p for p in sorted(programs.iterdir()) if is_program(p)} if programs.is_dir() else {}
    counted = options.build / "bench/instructions" / INSTRUCTIONS
    if is_program(counted):
        options.programs[INSTRUCTIONS] = counted
    options.peers = choose(parser, "peers", options.peers, list(options.programs))
    options.works = choose(parser, "works", options.works, ["instructions", *plan.FULL])
    timed = [peer for peer in options.peers if peer != INSTRUCTIONS]
    options.jobs = [job for job in (plan.quick if options.quick else plan.full)(timed) if job.work in options.works]
    # Whoever asks for a number of rounds gets it.
    options.has_limit = options.quick and options.rounds is None
    if options.rounds is None:
        options.rounds = plan.QUICK_ROUNDS if options.quick else plan.FULL_ROUNDS
    options.flag = programs / "flag"
    if not options.flag.exists():
        parser.error(f"no programs in {programs}: build them first (make bench does)")
    if options.output is None:
        options.output = ROOT / "results" / f"{datetime.date.today()}{'-quick' if options.quick else ''}.json"
    return options


def is_program(path):
    return path.is_file() and os.access(path, os.X_OK)


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
        self.uncounted = "this program has no such shape"
        self.spent = collections.Counter()  # by work: the seconds of its programs, with their starts and warm-ups
        self.asked = 0.0  # the seconds of measuring that were asked of them
        self.failures = {}  # by key: how often the trial has failed, and with which error

    def count_instructions(self):
        """Count the instructions of each shape. They are the same in each round, and on a busy machine."""
        if "instructions" not in self.options.works or INSTRUCTIONS not in self.options.peers:
            return
        if shutil.which("valgrind") is None:
            self.uncounted = "valgrind is not installed"
            return
        program = str(self.options.programs[INSTRUCTIONS])
        try:
            for shape in check.shapes_of(program):
                trial_of_shape = {
                    "round": 0,
                    "value": check.instructions_of(program, shape),
                    "before": None,
                    "after": None,
                }
                self.results.add((INSTRUCTIONS, shape, 0, "free"), "instructions", trial_of_shape)
        except check.Failed as failure:
            self.uncounted = "valgrind failed"
            trial.warn(f"failed: {failure}")

    def round(self, number, jobs):
        for job in (j for j in jobs if j.placement in self.placements):
            for peer in job.peers:
                key = (peer, job.work, job.size, job.placement)
                if key[:3] not in self.not_offered and self.failures.get(key, (0, ""))[0] < 2:
                    self.measure(key, number, self.options.seconds or job.seconds)

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
            begin = time.monotonic()
            try:
                result = trial.run(self.options.programs[peer], work, size, self.placements[placement], seconds)
            finally:
                self.spent[work] += time.monotonic() - begin
            if result is None:
                self.not_offered.add((peer, work, size))
                return True
            self.asked += seconds
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

    def missing(self):
        """Yield each key that a mark names and that has no figure, with the reason."""
        for key in sorted(plan.needed_by_marks([])):
            measured = self.results.get(*key)
            if measured is None or not measured["rounds"]:
                yield key, self.why_missing(key)

    def why_missing(self, key):
        peer, work, _, placement = key
        if peer not in self.options.programs:
            return f"{peer} is not built, as without its library"
        if peer not in self.options.peers:
            return f"--peers leaves out {peer}"
        if ("instructions" if peer == INSTRUCTIONS else work) not in self.options.works:
            return f"--works leaves out {'instructions' if peer == INSTRUCTIONS else work}"
        if peer == INSTRUCTIONS:
            return self.uncounted
        if placement not in self.placements:
            return "there is only one processor"
        if key[:3] in self.not_offered:
            return f"{peer} does not offer {work} here"
        if key in self.failures:
            return f"{peer} failed"
        return f"the probes of {peer} never agreed"


def measure_what_is_short(run, rounds, spent):
    """Make further rounds of the jobs whose marks have too few, as long as there is time (`spent()`)."""
    for number in range(rounds, rounds + plan.QUICK_FURTHER_ROUNDS):
        jobs = plan.still_needed(run.options.jobs, run.results)
        # Too much, rather than too little: it is the time of all the jobs of these works.
        expected = sum(run.spent[work] for work in {job.work for job in jobs}) / rounds
        if not jobs or not plan.is_time_for_another(rounds, spent(), expected):
            break
        run.round(number, jobs)
        trial.warn(f"a further round of what had too few: {len(jobs)} jobs, {spent():.0f} s")


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # exits after the present trial was ended
    run = Run(options)
    noise = machine.Noise()
    begin = time.monotonic()
    run.count_instructions()
    rounds, longest = 0, 0.0
    for number in range(options.rounds):
        spent = time.monotonic() - begin
        if options.has_limit and not plan.is_time_for_another(rounds, spent, longest):
            trial.warn(f"{rounds} rounds instead of {options.rounds}: another one would not end in time")
            break
        run.round(number, options.jobs)
        rounds += 1
        longest, spent = max(longest, time.monotonic() - begin - spent), time.monotonic() - begin
        trial.warn(
            f"round {number + 1} of {options.rounds}: {spent:.0f} s, "
            f"{spent / (number + 1) * (options.rounds - number - 1):.0f} s to go, {noise.percent()}"
        )
    if options.has_limit:
        measure_what_is_short(run, rounds, lambda: time.monotonic() - begin)
    data = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {**machine.describe(options.build), **noise.percent()},
        "rounds": rounds,
        "seconds": round(time.monotonic() - begin),
        "quick": options.quick,
        "measurements": run.results.finish(),
        "missing": [[*key, reason] for key, reason in run.missing()],
        "failures": [
            {"peer": p, "work": w, "size": s, "placement": l, "times": count, "text": text}
            for (p, w, s, l), (count, text) in run.failures.items()
        ],
    }
    report.write(data, options.output)
    print(options.output.with_suffix(".md").read_text(), end="")
    trial.warn(
        f"{data['seconds']} s: {sum(run.spent.values()):.0f} s of programs, of which {run.asked:.0f} s were asked for, "
        "the rest starts and warm-ups, and "
        + ", ".join(f"{work} {seconds:.0f} s" for work, seconds in run.spent.most_common(5))
    )
    print("\n".join(judge.at_the_end(data["marks"], report.number)))
    trial.warn(f"written: {options.output} and what stands beside it")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
