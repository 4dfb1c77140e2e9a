#!/usr/bin/python3
"""Tests of the marks: what they are made of, when they are met, and that a quick run measures what they need."""

import unittest

import judge
import plan
from marks import EVERY_COPIER, INSTRUCTIONS, MARKS, Mark, marks_among
from report import number
from results import Results

JOB, OTHER_JOB = ("stream", 64, "apart"), ("stream_batch", 64, "apart")
ALL_PEERS = sorted({p for mark in MARKS for p in (mark.who, mark.beside) if p and p != EVERY_COPIER} | {"pipe", "caf"})


def results_of(values_by_key, probes=None):
    """Return results with these values, one a round. `probes` has, by key and round, another probe than 1.0."""
    results = Results()
    for key, values in values_by_key.items():
        for number_of_round, value in enumerate(values):
            probe = (probes or {}).get((key, number_of_round), 1.0)
            results.add(key, "unit", {"round": number_of_round, "value": value, "before": probe, "after": probe})
    results.finish()
    return results


def judged(mark, results, why_missing=()):
    return judge.line(mark, results, dict(why_missing))


class MarkTest(unittest.TestCase):
    def test_a_bound_is_met_at_the_bound_unless_it_is_strict(self):
        for sign, below, at, above in (
            ("<=", True, True, False),
            ("<", True, False, False),
            (">=", False, True, True),
            (">", False, False, True),
        ):
            mark = Mark("a mark", "a", JOB, sign, 2.0)
            self.assertEqual([mark.is_met_by(v) for v in (1.9, 2.0, 2.1)], [below, at, above], sign)

    def test_the_other_does_the_same_job_unless_another_is_named(self):
        self.assertEqual(Mark("", "a", JOB, "<=", 1, "b").to, ("b", *JOB))
        self.assertEqual(Mark("", "a", JOB, "<=", 1, "b", OTHER_JOB).to, ("b", *OTHER_JOB))
        self.assertIsNone(Mark("", "a", JOB, "<=", 1).to)

    def test_every_copier_stands_for_the_peers_that_copy(self):
        peers = ["pipe", "ring", "iceoryx_polling", "multi_messenger", "caf"]
        beside = [m.beside for m in marks_among(peers) if m.what == "1 MiB, copied"]
        self.assertEqual(beside, ["ring", "caf", "pipe"])


class JudgeTest(unittest.TestCase):
    mark = Mark("a mark", "a", JOB, "<=", 2.0, "b")
    of, to = ("a", *JOB), ("b", *JOB)

    def test_the_figure_is_the_median_of_the_ratios_within_rounds(self):
        # Round by round 2, 3, 1. The ratio of the medians would be 30 / 10.
        line = judged(self.mark, results_of({self.of: [20, 30, 100], self.to: [10, 10, 100]}))
        self.assertEqual([line[k] for k in ("median", "min", "max", "rounds", "verdict")], [2, 1, 3, 3, "met"])

    def test_a_mark_is_missed_beyond_its_bound(self):
        # By its median, whatever the best round.
        line = judged(self.mark, results_of({self.of: [10, 21, 30], self.to: [10] * 3}))
        self.assertEqual((line["median"], line["verdict"]), (2.1, "MISSED"))

    def test_a_mark_needs_three_rounds_whose_probes_agree(self):
        values = {self.of: [10] * 3, self.to: [10] * 3}
        self.assertEqual(judged(self.mark, results_of(values))["verdict"], "met")
        line = judged(self.mark, results_of(values, probes={(self.to, 1): 4.0}))
        self.assertEqual(line["verdict"], "not measured")
        self.assertEqual(line["reason"], "rounds whose probes agreed: 2, needed: 3")

    def test_a_count_of_instructions_needs_one(self):
        mark = Mark("a count", INSTRUCTIONS, JOB, "<=", 340)
        self.assertEqual(judged(mark, results_of({mark.of: [340]}))["verdict"], "met")
        self.assertEqual(judged(mark, results_of({mark.of: [341]}))["verdict"], "MISSED")

    def test_a_mark_without_a_figure_says_why(self):
        results = results_of({self.of: [10] * 3})
        line = judged(self.mark, results, {self.to: "b is not built"})
        self.assertEqual((line["verdict"], line["reason"]), ("not measured", "b is not built"))
        self.assertEqual(judged(self.mark, results)["reason"], "not in this run")

    def test_the_end_counts_the_verdicts_and_shows_figure_spread_bound_and_reason(self):
        results = results_of({self.of: [20, 30, 10], self.to: [10] * 3})
        missing = Mark("another", "a", JOB, ">=", 5, "c", OTHER_JOB)
        lines = [judged(self.mark, results), judged(missing, results, {missing.to: "c is not built"})]
        end = list(judge.at_the_end(lines, number))
        self.assertRegex(end[1], r"met +2\.00 \(1\.00 to 3\.00\) +≤ 2 +a mark: a / b$")
        self.assertRegex(end[2], r"not measured +≥ 5 +another: a / c stream_batch \(c is not built\)$")
        self.assertEqual(end[3], "1 of 2 marks met, 0 missed, 1 not measured.")

    def test_every_mark_is_judged_even_without_any_measurement(self):
        verdicts = {line["verdict"] for line in judge.judge(Results(), {})}
        self.assertEqual(verdicts, {"not measured"})
        self.assertEqual(len(judge.judge(Results(), {})), len(MARKS) - 1)  # and no copier


class PlanTest(unittest.TestCase):
    def keys(self, jobs):
        return {(peer, job.work, job.size, job.placement) for job in jobs for peer in job.peers}

    def test_full_and_quick_runs_measure_what_the_marks_need(self):
        timed = [p for p in ALL_PEERS if p != INSTRUCTIONS]
        needed = {key for key in plan.needed_by_marks(timed) if key[0] != INSTRUCTIONS}
        self.assertLessEqual(needed, self.keys(plan.full(timed)))
        self.assertEqual(needed, self.keys(plan.quick(timed)))

    def test_a_quick_run_asks_for_less_than_a_minute_and_a_half(self):
        # The rest of its five minutes is for starts and warm-ups, the probes, and trials that are made once more.
        timed = [p for p in ALL_PEERS if p != INSTRUCTIONS]
        seconds = sum(job.seconds * len(job.peers) for job in plan.quick(timed)) * plan.QUICK_ROUNDS
        self.assertLess(seconds, 90)

    def test_further_rounds_have_the_jobs_of_marks_that_have_too_few(self):
        jobs = plan.quick(["priority_messenger", "poll_two", "ring", "fork_by_hand", "coproc_fork_server"])
        of, to = ("priority_messenger", "asleep", 64, "apart"), ("poll_two", "asleep", 64, "apart")
        enough = {("coproc_fork_server", "stop", 0, "free"): [1] * 3, ("fork_by_hand", "stop", 0, "free"): [1] * 3}
        values = {of: [1] * 4, to: [1] * 4, **enough}
        self.assertEqual(plan.still_needed(jobs, results_of(values)), [])
        results = results_of(values, probes={(to, 0): 4.0, (of, 1): 4.0})
        self.assertEqual(self.keys(plan.still_needed(jobs, results)), {of, to})
        # What was never measured (not offered, or failed) is not tried again.
        self.assertEqual(plan.still_needed(jobs, results_of({of: [1]})), [])

    def test_a_quick_run_begins_no_round_that_would_go_beyond_its_limit(self):
        least, limit = plan.QUICK_LEAST_ROUNDS, plan.QUICK_LIMIT
        self.assertTrue(plan.is_time_for_another(least, limit - 50, 50))
        self.assertFalse(plan.is_time_for_another(least, limit - 50, 51))
        self.assertTrue(plan.is_time_for_another(least - 1, limit, 50))


if __name__ == "__main__":
    unittest.main()
