"""The marks that coproc has set itself, as ratios within one run."""

from dataclasses import dataclass
from typing import Optional

GIB = 1 << 30
# These move payloads by handing over the memory that holds them. All others copy.
ZERO_COPY = {"iceoryx_polling", "iceoryx_waitset"}
LIMITS = {"flag", "ring"}
COPROC = {
    "priority_messenger",
    "multi_messenger",
    "coproc_fork",
    "coproc_fork_server",
    "coproc_spawn",
    "coproc_loan",
    "coproc_idle",
    "coproc_pool",
    "coproc_python",
}


@dataclass
class Mark:
    what: str
    of: tuple  # peer, work, size, placement
    to: Optional[tuple]  # None: the value itself
    bound: float
    is_at_most: bool
    is_strict: bool = False

    def meets(self, value):
        if self.is_strict:
            return value < self.bound if self.is_at_most else value > self.bound
        return value <= self.bound if self.is_at_most else value >= self.bound

    def text(self):
        sign = {(True, False): "≤", (True, True): "<", (False, False): "≥", (False, True): ">"}[
            self.is_at_most, self.is_strict
        ]
        return f"{sign} {self.bound:g}"


def marks(results):
    """Return the marks in the order in which they are shown. Marks against every peer depend on the peers that ran."""
    at_most = lambda *a, **k: Mark(*a, is_at_most=True, **k)
    at_least = lambda *a, **k: Mark(*a, is_at_most=False, **k)

    awake = ("priority_messenger", "round_trip", 64, "apart")
    against = lambda key, peer: (peer, *key[1:])
    all_marks = [at_most("round trip, both awake", awake, against(awake, "ring"), 2.0)]
    for peer, bound in (("iceoryx_polling", 0.2), ("zeromq", 0.01), ("nng", 0.01)):
        all_marks.append(at_most("round trip, both awake", awake, against(awake, peer), bound))
    all_marks.append(at_most("round trip, both awake", awake, against(awake, "openmpi"), 1.0, is_strict=True))

    asleep = ("priority_messenger", "asleep", 64, "apart")
    all_marks.append(at_most("round trip, both asleep", asleep, against(asleep, "poll_two"), 1.15))
    together = ("priority_messenger", "round_trip", 64, "together")
    all_marks.append(at_most("round trip, one processor", together, against(together, "poll_two"), 1.3))

    one_by_one = ("multi_messenger", "stream", 64, "apart")
    all_marks.append(at_least("stream, one by one", one_by_one, against(one_by_one, "ring"), 0.5))
    all_marks.append(at_least("stream, one by one", one_by_one, against(one_by_one, "openmpi"), 2.0))
    batches = ("multi_messenger", "stream_batch", 64, "apart")
    all_marks.append(at_least("stream, batches of 32", batches, against(batches, "ring"), 0.3))
    priorities = ("priority_messenger", "stream_priorities", 64, "apart")
    all_marks.append(at_least("stream, 4 priorities and 4 channels", priorities, one_by_one, 0.5))

    large = ("multi_messenger", "stream", 1 << 20, "apart")
    all_marks.append(at_least("1 MiB, copied", large, against(large, "ring"), 0.8))
    for peer in sorted(results.peers(*large[1:])):
        if peer not in ZERO_COPY | LIMITS | COPROC:
            all_marks.append(at_least("1 MiB, copied", large, against(large, peer), 1.0, is_strict=True))

    lent = ("coproc_loan", "loan", 64 << 20, "apart")
    all_marks.append(at_most("64 MiB, lent, beside 64 B", lent, ("coproc_loan", "loan", 64, "apart"), 1.2))

    started = ("coproc_fork_server", "start", 0, "free")
    started_large = ("coproc_fork_server", "start", GIB, "free")
    all_marks.append(at_most("start", started, against(started, "fork_by_hand"), 2.0))
    all_marks.append(at_most("start, host with 1 GiB touched", started_large, started, 1.2))
    for work in ("stop", "death"):
        key = ("coproc_fork_server", work, 0, "free")
        all_marks.append(at_most(work, key, against(key, "fork_by_hand"), 2.0))
    all_marks.append(
        at_most(
            "descriptors of a host with 1000 workers, each",
            ("coproc_fork_server", "crowd_descriptors", 1000, "free"),
            None,
            6.0,
        )
    )
    all_marks.append(
        at_most(
            "KiB of a host with 1000 workers, each", ("coproc_fork_server", "crowd_memory", 1000, "free"), None, 300.0
        )
    )
    tiny = ("coproc_pool", "tasks", 2, "free")
    all_marks.append(at_least("tiny tasks, chunks of 1", tiny, against(tiny, "python_pool"), 50.0))
    all_marks.append(at_least("tiny tasks, chunks of 1", tiny, against(tiny, "tbb"), 0.3))
    sleeping = ("coproc_pool", "sleeping_tasks", 8, "free")
    all_marks.append(at_least("tasks that sleep 10 ms", sleeping, against(sleeping, "sleep_loops"), 0.95))
    all_marks.append(
        at_most(
            "the same: % of a processor in the host",
            ("coproc_pool", "sleeping_host", 8, "free"),
            None,
            1.0,
            is_strict=True,
        )
    )
    all_marks.append(
        at_most(
            "MiB that the host grows by, over 10,000,000 tasks",
            ("coproc_pool", "many_tasks", 10_000_000, "free"),
            None,
            10.0,
        )
    )
    all_marks.append(
        at_most(
            "start of a pool of 64 workers", ("coproc_pool", "pool_start", 64, "free"), started, 64.0, is_strict=True
        )
    )
    all_marks.append(
        at_most(
            "us for the stop of a pool of 64 workers",
            ("coproc_pool", "pool_stop", 64, "free"),
            None,
            1e6,
            is_strict=True,
        )
    )
    all_marks.append(
        at_most("idle, ms of processor time a second", ("coproc_idle", "idle", 0, "free"), None, 1.0, is_strict=True)
    )
    return all_marks + python_marks(at_most, at_least)


def python_marks(at_most, at_least):
    item = ("coproc_python", "python_round_trip", 0, "apart")
    items = ("coproc_python", "python_stream", 0, "apart")
    array, first, shared = (
        ("coproc_python", f"python_array{which}", 64 << 20, "apart") for which in ("", "_first", "_shared")
    )
    tasks = ("coproc_python", "python_pool", 2, "free")
    against = lambda key, peer: (peer, *key[1:])
    return [
        at_most("Python: round trip of a small dataclass", item, against(item, "seed_design"), 0.1),
        at_most("Python: round trip of a small dataclass", item, against(item, "python_pipe"), 0.2),
        at_least("Python: stream of small dataclasses", items, against(items, "python_queue"), 5.0),
        at_least("Python: 64 MiB of NumPy, again and again", array, against(array, "python_pipe"), 15.0),
        at_least("Python: 64 MiB of NumPy, the first on a link", first, against(first, "python_pipe"), 3.0),
        at_least("Python: 64 MiB of NumPy, made in shared memory", shared, against(array, "python_pipe"), 100.0),
        at_least(
            "Python: tiny tasks, in its own chunks beside chunks of 1", tasks, against(tasks, "python_pool"), 10.0
        ),
    ]


def judge(results):
    """Return a list of dictionaries: each mark, the measured ratio, and whether the mark is met."""
    judged = []
    for mark in marks(results):
        measured = results.ratio(mark.of, mark.to) if mark.to else results.get(*mark.of)
        line = {"what": mark.what, "of": list(mark.of), "to": mark.to and list(mark.to), "mark": mark.text()}
        for key in ("median", "min", "max", "rounds"):
            line[key] = measured[key] if measured else None
        if not measured:
            line["verdict"] = "not measured"
        elif measured["rounds"] < 3:
            line["verdict"] = "not known: too few steady trials"
        else:
            line["verdict"] = "met" if mark.meets(measured["median"]) else "MISSED"
        judged.append(line)
    return judged
