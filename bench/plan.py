"""What a run measures: its jobs in their order, and by which peers each is done."""

from dataclasses import dataclass, replace

from marks import GIB, marks_among

SIZES = [64, 1024, 16384, 262144, 1048576]

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
    "first_answer": ({"free": [0]}, 0.3),
    "restart": ({"free": [0]}, 0.5),
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
    "boxed_start": ({"free": [0]}, 0.5),
    "remote_round_trip": ({"free": [64]}, 0.2),
    "remote_stream": ({"free": [64]}, 0.3),
    "remote_lent": ({"free": [64 << 20]}, 1.0),
    "remote_start": ({"free": [0]}, 0.5),
    "python_round_trip": ({"apart": [0]}, 0.3),
    "python_stream": ({"apart": [0]}, 0.5),
    "python_array": ({"apart": [64 << 20]}, 1.0),
    "python_array_first": ({"apart": [64 << 20]}, 1.0),
    "python_array_shared": ({"apart": [64 << 20]}, 0.3),
    "python_pool": ({"free": [2]}, 1.0),
}
FULL_ROUNDS = 7

# A quick run has the jobs and peers that the marks name, and no others, in shorter trials. After its rounds there are
# further ones of only those jobs whose marks have too few rounds in which the probes agreed. The limit in seconds holds
# on a machine that has other work, too: a round that would go beyond it is not begun, except the first three.
QUICK_SECONDS = {
    "start": 0.2,
    "stop": 0.2,
    "death": 0.2,
    "first_answer": 0.2,
    "restart": 0.2,
    "idle": 1.0,
    "tasks": 0.3,
    "tasks_in_chunks": 0.3,
    "sleeping_tasks": 0.3,
    "sleeping_host": 0.5,
    "remote_lent": 0.5,
}
QUICK_SECONDS_OF_OTHERS = 0.1
QUICK_ROUNDS, QUICK_LEAST_ROUNDS, QUICK_FURTHER_ROUNDS, QUICK_LIMIT = 5, 3, 10, 280.0


@dataclass(frozen=True)
class Job:
    work: str
    size: int
    placement: str
    seconds: float  # of a trial
    peers: tuple


def full(peers):
    """Return every job, each to be done by all of these peers."""
    return [
        Job(work, size, placement, seconds, tuple(peers))
        for work, (sizes, seconds) in FULL.items()
        for placement in sizes
        for size in sizes[placement]
    ]


def quick(peers):
    """Return the jobs that the marks need, each to be done by those of these peers whose figure a mark needs."""
    needed = needed_by_marks(peers)
    jobs = []
    for job in full(peers):
        named = tuple(p for p in peers if (p, job.work, job.size, job.placement) in needed)
        seconds = QUICK_SECONDS.get(job.work, QUICK_SECONDS_OF_OTHERS)
        if named:
            jobs.append(Job(job.work, job.size, job.placement, seconds, named))
    return jobs


def needed_by_marks(peers):
    """Return the keys (peer, work, size, placement) of which a mark is made, whether or not these peers have them."""
    return {key for mark in marks_among(peers) for key in (mark.of, mark.to) if key}


def still_needed(jobs, results):
    """Return those of the jobs and peers whose marks have some, but too few, rounds to be judged."""
    measured = {key[0] for key in results.by_key}
    short = {
        key
        for mark in marks_among(measured)
        if results.get(*mark.of) and (mark.to is None or results.get(*mark.to))
        if results.rounds(mark.of, mark.to) < mark.rounds_needed
        for key in (mark.of, mark.to)
    }
    left = (replace(j, peers=tuple(p for p in j.peers if (p, j.work, j.size, j.placement) in short)) for j in jobs)
    return [job for job in left if job.peers]


def is_time_for_another(done, spent, longest):
    """Return whether a quick run begins another round after `done` rounds in `spent` seconds, the longest as given."""
    return done < QUICK_LEAST_ROUNDS or spent + longest <= QUICK_LIMIT
