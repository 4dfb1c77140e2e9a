"""The common part of the benchmark programs in Python: the command line and the line of JSON of work.hpp, and the works
with Python values, `python_...`.

A transport offers these by `run_values(job, start)`. `start(job, peer)` is a context manager: it runs `peer(job, link)`
in another process, yields the host's Link, and at its end waits until the peer has ended without an error."""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import signal
import statistics
import sys
import time
import typing
from time import perf_counter as now

NOT_OFFERED = 3
LAST, END, WRONG = 1 << 63, 2**64 - 2, 2**64 - 1
NAME, PRIORITY = "an item", 1
WORDS_IN_PAGE = 512


@dataclasses.dataclass
class Job:
    work: str
    size: int
    host_processor: int
    peer_processor: int
    seconds: float


@dataclasses.dataclass
class Item:
    """The small dataclass."""

    number: int
    name: str
    priority: int


class Link(typing.NamedTuple):
    """One side of a transport of values."""

    put: typing.Callable[[typing.Any], typing.Any]
    get: typing.Callable[[], typing.Any]
    empty: typing.Optional[typing.Callable] = None  # (shape, dtype): an array that this link sends without a copy


class ItemEnd:
    """Sends and receives numbers, each as an Item."""

    def __init__(self, link):
        self.put, self.get = link.put, link.get

    def send(self, number):
        self.put(Item(number, NAME, PRIORITY))

    def receive(self):
        item = self.get()
        return item.number if item.name == NAME and item.priority == PRIORITY else WRONG


# ---- a program ----


def run_job(body):
    """The `main` of each program: `body(job)` returns the result, or None if it does not offer the job."""
    if len(sys.argv) != 6:
        sys.exit(f"usage: {sys.argv[0]} WORK SIZE HOST_PROCESSOR PEER_PROCESSOR SECONDS")
    job = Job(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
    # A handler, since the signal itself would leave daemons of multiprocessing behind.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"{sys.argv[0]}: {job} hangs"))
    signal.alarm(int(20 + 10 * job.seconds))
    pin_to(job.host_processor)
    result = body(job)
    if result is None:
        sys.exit(NOT_OFFERED)
    print(json.dumps(result))


def check(is_right, what):
    if not is_right:
        sys.exit(f"{sys.argv[0]}: {what}")


def pin_to(processor):
    if processor >= 0:
        os.sched_setaffinity(0, {processor})


@contextlib.contextmanager
def process(target, *arguments):
    """Start a process of multiprocessing. At the end, wait for it and check that it has not failed."""
    started = multiprocessing.Process(target=target, args=arguments, daemon=True)
    started.start()
    yield
    started.join()
    check(started.exitcode == 0, "the peer failed")


def messenger_link(job, messenger, is_host):
    """Return a Link. As in coproc/end.hpp, streams are messages without replies; all else is requests and replies."""
    if job.work == "python_stream":
        send = messenger.send_norequest
    else:
        send = messenger.send_request if is_host else messenger.send_reply
    return Link(send, messenger.receive_blocking, getattr(messenger, "empty", None))


# ---- numbers there and back: an end has send(number) and receive() ----


def time_round_trips(end, seconds):
    def exchange(number):
        end.send(number)
        check(end.receive() == number, "an answer is not its request")

    begin, count = now(), 0
    while now() < begin + 0.15 * seconds:
        exchange(count)
        count += 1
    in_piece = int(0.01 * seconds / ((now() - begin) / count)) + 1

    def times(until, count_each, at_least):
        found, previous = [], now()
        while previous < until or len(found) < at_least:
            for number in range(count_each):
                exchange(number)
            moment = now()
            found.append((moment - previous) * 1e6 / count_each)
            previous = moment
        return found

    pieces = times(begin + 0.75 * seconds, in_piece, 3)
    sample = sorted(times(begin + seconds, 1, 10))
    quantile = lambda percent: sample[round(percent / 100 * (len(sample) - 1))]
    return {
        "unit": "us",
        "value": statistics.median(pieces),
        "messages": in_piece * len(pieces),
        "percentiles": {str(p): quantile(p) for p in (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)},
    }


def time_streams(end, seconds):
    def stream(count):
        start = now()
        for number in range(count - 1):
            end.send(number)
        end.send((count - 1) | LAST)
        check(end.receive() == count, "the peer has not seen every message right and in order")
        return now() - start

    wanted, count = seconds / 12, 32
    while (taken := stream(count)) < wanted:
        count *= 2
    count = max(32, int(count * wanted / taken) // 32 * 32)
    begin, rates = now(), []
    while now() < begin + seconds or len(rates) < 3:
        rates.append(count / stream(count))
    return {"unit": "messages/s", "value": statistics.median(rates), "messages": count * len(rates)}


def serve_numbers(end, is_stream):
    """Run the peer's side of round trips and of streams."""
    seen = right = 0
    while (number := end.receive()) != END:
        if not is_stream:
            end.send(number)
        elif number == seen:
            seen += 1
            right += 1
        elif number != WRONG and number & LAST:
            end.send(right + (number == seen | LAST))
            seen = right = 0
        else:
            seen += 1


# ---- the works with values of Python ----


def run_values(job, start):
    if job.work in ("python_round_trip", "python_stream"):
        return time_items(job, start)
    if job.work in ("python_array", "python_array_first", "python_array_shared") and job.size > 0:
        return time_arrays(job, start)
    return None


def time_items(job, start):
    with start(job, serve_items) as link:
        end = ItemEnd(link)
        result = (time_streams if job.work == "python_stream" else time_round_trips)(end, job.seconds)
        end.send(END)
    return result


def serve_items(job, link):
    pin_to(job.peer_processor)
    serve_numbers(ItemEnd(link), job.work == "python_stream")


def look_at(array):
    """Return the sum of the first word of each page and of the last word: it shows that the whole array has arrived."""
    return int(array[::WORDS_IN_PAGE].sum()) + int(array[-1])


def serve_arrays(job, link):
    import numpy  # noqa: F401 (now, and not when the first array is received)

    pin_to(job.peer_processor)
    link.get()
    link.put("ready")
    while (array := link.get()) is not None:
        seen = look_at(array)
        del array
        link.put(seen)


def time_arrays(job, start):
    """Measure how many arrays of SIZE bytes per second the peer reads, one after the other. It is the same array each
    time, with another number in it. For `python_array_first` each array has a new peer and a new link."""
    try:
        import numpy
    except ImportError:
        return None

    array = numpy.arange(job.size // 8)
    base = look_at(array) - int(array[0]) - int(array[-1])
    times = []

    def send(link, array):
        array[0] = array[-1] = len(times)
        begin = now()
        link.put(array)
        seen = link.get()
        times.append(now() - begin)
        check(seen == base + 2 * int(array[0]), "the peer has not seen the array that was sent")

    @contextlib.contextmanager
    def ready_link():
        with start(job, serve_arrays) as link:
            link.put("hello")
            check(link.get() == "ready", "the peer is not there")
            yield link
            link.put(None)

    begin = now()
    enough = lambda: now() >= begin + job.seconds and len(times) >= 3
    if job.work == "python_array_first":
        while not enough():
            with ready_link() as link:
                send(link, array)
    else:
        with ready_link() as link:
            if job.work == "python_array_shared":
                if link.empty is None:
                    return None
                shared = link.empty(array.shape, array.dtype)
                shared[:] = array
                array = shared
            for _ in range(3):
                send(link, array)
            times.clear()
            begin = now()
            while not enough():
                send(link, array)
    return {"unit": "arrays/s", "value": 1 / statistics.median(times), "messages": len(times)}


# ---- restarts ----


def time_restarts(job, restart):
    """Measure the microseconds that `restart()` returns: from the kill of a worker to the first answer of the next."""
    if job.work != "restart" or job.size != 0:
        return None
    restart()
    begin, times = now(), []
    while now() < begin + job.seconds or len(times) < 5:
        times.append(restart())
    return {"unit": "us", "value": statistics.median(times), "messages": len(times)}


class Hold:
    """A task that says that it has begun, and does not end. Workers inherit the pipe."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()

    def __call__(self):
        os.write(self.write_end, b"!")
        time.sleep(10_000)

    def end_of(self, pid):
        """Wait until a worker is in the task, kill it, and return the moment."""
        os.read(self.read_end, 1)
        moment = now()
        os.kill(pid, signal.SIGKILL)
        return moment


# ---- tasks ----


def square(x):
    return x * x


def time_tasks(job, run):
    """Measure tasks per second. As in tasks.hpp, `run(count)` returns the sum of the squares from 0 to count."""

    def time(count):
        begin = now()
        check(run(count) == sum(x * x for x in range(count)), "the results are wrong")
        return now() - begin

    count = 64
    while time(count) < job.seconds / 6:
        count *= 2
    begin, rates = now(), []
    while now() < begin + job.seconds or len(rates) < 3:
        rates.append(count / time(count))
    return {"unit": "tasks/s", "value": statistics.median(rates), "messages": count * len(rates)}
