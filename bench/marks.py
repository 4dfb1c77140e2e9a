"""The marks that coproc has set itself, one line each: what is measured, who does it, the bound of its figure, and
beside whom. The figure is a ratio within one run, or the value itself where nobody stands beside it."""

import operator
from dataclasses import dataclass, replace
from typing import Optional

GIB = 1 << 30
# These move payloads by handing over the memory that holds them. All others copy.
ZERO_COPY = {"iceoryx_polling", "iceoryx_waitset"}
LIMITS = {"flag", "ring"}
# Not a peer that is timed: its instructions are counted by callgrind, shape by shape (instructions/check.py).
INSTRUCTIONS = "coproc_instructions"
COPROC = {
    "priority_messenger",
    "boxed_messenger",
    "multi_messenger",
    "coproc_fork",
    "coproc_fork_server",
    "coproc_spawn",
    "coproc_box",
    "coproc_loan",
    "coproc_idle",
    "coproc_pool",
    "coproc_python",
    "coproc_here",
    "coproc_pipes",
    "coproc_tls",
    INSTRUCTIONS,
}
EVERY_COPIER = "every copier"

IS_MET = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True)
class Mark:
    what: str
    who: str
    job: tuple  # work, size, placement
    sign: str
    bound: float
    beside: Optional[str] = None
    beside_job: Optional[tuple] = None  # None: the same job

    @property
    def of(self):
        return (self.who, *self.job)

    @property
    def to(self):
        return self.beside and (self.beside, *(self.beside_job or self.job))

    @property
    def rounds_needed(self):
        """A count is the same in each round, so it is made once."""
        return 1 if self.who == INSTRUCTIONS else 3

    def is_met_by(self, value):
        return IS_MET[self.sign](value, self.bound)

    def bound_text(self):
        return f"{self.sign} {self.bound:g}".replace("<=", "≤").replace(">=", "≥")


def shape(name):
    return (name, 0, "free")


AWAKE, ASLEEP, TOGETHER = ("round_trip", 64, "apart"), ("asleep", 64, "apart"), ("round_trip", 64, "together")
STREAM, LARGE = ("stream", 64, "apart"), ("stream", 1 << 20, "apart")
BATCHES, PRIORITIES = ("stream_batch", 64, "apart"), ("stream_priorities", 64, "apart")
START, START_LARGE = ("start", 0, "free"), ("start", GIB, "free")
STOP, DEATH = ("stop", 0, "free"), ("death", 0, "free")
FIRST_ANSWER, RESTART = ("first_answer", 0, "free"), ("restart", 0, "free")
TASKS, CHUNKS = ("tasks", 2, "free"), ("tasks_in_chunks", 2, "free")
SLEEPING, SLEEPING_HOST = ("sleeping_tasks", 8, "free"), ("sleeping_host", 8, "free")
ITEM, ITEMS = ("python_round_trip", 0, "apart"), ("python_stream", 0, "apart")
ARRAY, ARRAY_FIRST = ("python_array", 64 << 20, "apart"), ("python_array_first", 64 << 20, "apart")
ARRAY_SHARED, OWN_CHUNKS = ("python_array_shared", 64 << 20, "apart"), ("python_pool", 2, "free")

REMOTE_TRIP, REMOTE_STREAM = ("remote_round_trip", 64, "free"), ("remote_stream", 64, "free")
REMOTE_LENT, REMOTE_START = ("remote_lent", 64 << 20, "free"), ("remote_start", 0, "free")

MARKS = [
    Mark("instructions of a send and its receive, 64 B", INSTRUCTIONS, shape("multi_64"), "<=", 340),
    Mark("the same in batches, with its reply", INSTRUCTIONS, shape("batch_64"), "<=", 600),
    Mark("instructions of a request and its reply, 64 B", INSTRUCTIONS, shape("request_and_reply_64"), "<=", 800),
    Mark("instructions of an untyped Message, 64 B", INSTRUCTIONS, shape("message_64"), "<=", 700),
    Mark("instructions of a text of 100 characters", INSTRUCTIONS, shape("string_100"), "<=", 600),
    Mark("round trip, both awake", "priority_messenger", AWAKE, "<=", 1.2, "ring"),
    Mark("round trip, both awake", "priority_messenger", AWAKE, "<", 1.0, "openmpi"),
    Mark("round trip, both awake", "priority_messenger", AWAKE, "<=", 0.2, "iceoryx_polling"),
    Mark("round trip, both awake", "priority_messenger", AWAKE, "<=", 0.01, "zeromq"),
    Mark("round trip, both awake", "priority_messenger", AWAKE, "<=", 0.01, "nng"),
    Mark("round trip, both asleep", "priority_messenger", ASLEEP, "<=", 1.15, "poll_two"),
    Mark("round trip, one processor", "priority_messenger", TOGETHER, "<=", 1.3, "poll_two"),
    Mark("round trip in a box, both awake", "boxed_messenger", AWAKE, "<=", 1.02, "priority_messenger"),
    Mark("round trip in a box, both asleep", "boxed_messenger", ASLEEP, "<=", 1.02, "priority_messenger"),
    Mark("stream, one by one", "multi_messenger", STREAM, ">=", 0.5, "ring"),
    Mark("stream, one by one", "multi_messenger", STREAM, ">=", 2.0, "openmpi"),
    Mark("stream, batches of 32", "multi_messenger", BATCHES, ">=", 0.5, "ring"),
    Mark("4 priorities and 4 channels", "priority_messenger", PRIORITIES, ">=", 0.8, "multi_messenger", STREAM),
    Mark("1 MiB, copied", "multi_messenger", LARGE, ">=", 1.0, "ring"),
    Mark("1 MiB, copied", "multi_messenger", LARGE, ">", 1.0, EVERY_COPIER),
    Mark("64 MiB, lent", "coproc_loan", ("loan", 64 << 20, "apart"), "<=", 1.2, "coproc_loan", ("loan", 64, "apart")),
    Mark("start", "coproc_fork_server", START, "<=", 2.0, "fork_by_hand"),
    Mark("start, host with 1 GiB touched", "coproc_fork_server", START_LARGE, "<=", 1.2, "coproc_fork_server", START),
    Mark("us by which a start in a box is longer", "coproc_box", ("boxed_start", 0, "free"), "<=", 600),
    Mark("stop", "coproc_fork_server", STOP, "<=", 2.0, "fork_by_hand"),
    Mark("death", "coproc_fork_server", DEATH, "<=", 2.0, "fork_by_hand"),
    Mark("death to the next answer", "coproc_fork_server", RESTART, "<=", 1.3, "coproc_fork_server", FIRST_ANSWER),
    Mark("descriptors of a host, a worker", "coproc_fork_server", ("crowd_descriptors", 1000, "free"), "<=", 6),
    Mark("KiB of a host, a worker", "coproc_fork_server", ("crowd_memory", 1000, "free"), "<=", 300),
    Mark("idle, ms of processor time a second", "coproc_idle", ("idle", 0, "free"), "<", 1),
    Mark("tiny tasks, chunks of 1", "coproc_pool", TASKS, ">=", 50, "python_pool"),
    Mark("tiny tasks, chunks of 1", "coproc_pool", TASKS, ">=", 0.3, "tbb"),
    Mark("tasks that sleep 10 ms", "coproc_pool", SLEEPING, ">=", 0.95, "sleep_loops"),
    Mark("the same: % of a processor in the host", "coproc_pool", SLEEPING_HOST, "<", 1),
    Mark("MiB of a host, over 10,000,000 tasks", "coproc_pool", ("many_tasks", 10_000_000, "free"), "<=", 10),
    # With two processors. A machine that has more starts more workers at once.
    Mark("start of a pool of 64", "coproc_pool", ("pool_start", 64, "free"), "<=", 20, "coproc_fork_server", START),
    Mark("us for the stop of a pool of 64", "coproc_pool", ("pool_stop", 64, "free"), "<", 1e6),
    Mark("Python: round trip of a small dataclass", "coproc_python", ITEM, "<=", 0.1, "seed_design"),
    Mark("Python: round trip of a small dataclass", "coproc_python", ITEM, "<=", 0.2, "python_pipe"),
    Mark("Python: stream of small dataclasses", "coproc_python", ITEMS, ">=", 5, "python_queue"),
    Mark("Python: 64 MiB of NumPy, again and again", "coproc_python", ARRAY, ">=", 15, "python_pipe"),
    Mark("Python: 64 MiB of NumPy, the first on a link", "coproc_python", ARRAY_FIRST, ">=", 3, "python_pipe"),
    Mark("Python: 64 MiB of NumPy, shared", "coproc_python", ARRAY_SHARED, ">=", 100, "python_pipe", ARRAY),
    Mark("Python: tiny tasks, chunks of 1", "coproc_python", TASKS, ">=", 4, "python_pool"),
    Mark("Python: tiny tasks, as each chooses", "coproc_python", CHUNKS, ">=", 1.2, "python_pool"),
    # Not like with like: README.md.
    Mark("Python: tiny tasks, own chunks beside 1", "coproc_python", OWN_CHUNKS, ">=", 10, "python_pool"),
    Mark("another machine, by TLS: round trip", "coproc_tls", REMOTE_TRIP, "<=", 5, "tls"),
    Mark("another machine, by TLS: round trip", "coproc_tls", REMOTE_TRIP, "<=", 1, "zeromq_curve"),
    Mark("another machine, by TLS: round trip", "coproc_tls", REMOTE_TRIP, "<=", 1, "grpc"),
    Mark("another machine, by TLS: 64 MiB", "coproc_tls", REMOTE_LENT, ">=", 0.9, "tls"),
    Mark("another machine, by TLS: stream", "coproc_tls", REMOTE_STREAM, ">=", 0.5, "coproc_here"),
    Mark("another machine, by TLS: us of a start", "coproc_tls", REMOTE_START, "<=", 150_000),
    Mark("another machine, by pipes: 64 MiB", "coproc_pipes", REMOTE_LENT, ">=", 0.8, "tcp"),
    Mark("another machine, by pipes: 64 MiB", "coproc_pipes", REMOTE_LENT, ">=", 0.5, "scp"),
    Mark("another machine, by pipes: stream", "coproc_pipes", REMOTE_STREAM, ">=", 0.5, "coproc_here"),
    Mark("another machine, by pipes: us of a start", "coproc_pipes", REMOTE_START, "<=", 150_000),
]


def marks_among(peers):
    """Return the marks in their order, with one for each of these peers in the place of EVERY_COPIER."""
    copiers = sorted(set(peers) - ZERO_COPY - LIMITS - COPROC)
    for mark in MARKS:
        if mark.beside == EVERY_COPIER:
            yield from (replace(mark, beside=peer) for peer in copiers)
        else:
            yield mark
