"""Metrics: their text is what Prometheus and OpenMetrics take, and the counters are those of the workers."""

import itertools
import shutil
import subprocess
import threading

import coproc
import pytest

HOSTILE = ['quote "', "back \\ slash", "two\nlines", "umlaut \u00e4", '"} 1\nfake{x="', "comma,brace}"]


def echo(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


def square(x):
    return x * x


numbers = itertools.count()


class Watched:
    """Many kinds of workers and a pool. Counters go on over all objects that a process gives the same name, also over
    those of other tests, so that each of these has names of its own."""

    def __init__(self):
        suffix = f" {next(numbers)} of test_metrics"
        self.hostile = [name + suffix for name in HOSTILE]
        self.twice = "twice" + suffix
        self.pool = "pool worker" + suffix


@pytest.fixture
def watched():
    return Watched()


@pytest.fixture
def text(watched):
    """Return a function that returns the text of these."""
    workers = [coproc.WorkerResource(echo, name=name) for name in watched.hostile + [watched.twice, watched.twice]]
    for worker in workers:
        worker.start()
        worker.messenger.send_request(1)
        worker.messenger.receive_blocking()
    workers[-1].stop()
    pool = coproc.Pool(2, name=watched.pool)
    assert pool.map(square, range(10)) == [x * x for x in range(10)]
    yield coproc.Metrics().text
    pool.stop()
    for worker in workers:
        worker.stop()


def samples_of(families):
    samples = {}
    for family in families:
        assert family.type in ("counter", "gauge"), family
        assert family.documentation, family
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def value(samples, metric, name, place=0, **more):
    labels = {"name": name, "place": str(place), **more}
    return samples[metric, tuple(sorted(labels.items()))]


def check(samples, watched):
    names = {dict(labels)["name"] for _, labels in samples}
    for name in watched.hostile:
        shown = name.replace("\n", "\\n")
        assert shown in names
        assert value(samples, "coproc_worker_up", shown) == 1
        assert value(samples, "coproc_worker_messages_total", shown, direction="sent") == 1
        assert value(samples, "coproc_worker_resident_bytes", shown) > 1000
    assert value(samples, "coproc_worker_up", watched.twice, 0) == 1
    assert value(samples, "coproc_worker_up", watched.twice, 1) == 0
    assert value(samples, "coproc_pool_workers", watched.pool) == 2
    assert value(samples, "coproc_pool_tasks_total", watched.pool, state="succeeded") == 10


def test_the_reader_of_prometheus_reads_the_text(text, watched):
    parser = pytest.importorskip("prometheus_client.parser")
    check(samples_of(parser.text_string_to_metric_families(text())), watched)


def test_the_reader_of_openmetrics_reads_the_open_text(text, watched):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    check(samples_of(parser.text_string_to_metric_families(text(open=True))), watched)


def test_promtool_finds_nothing_wrong(text):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian: prometheus) is not installed")
    checked = subprocess.run([promtool, "check", "metrics"], input=text(), capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_without_the_system_there_is_neither_memory_nor_processor_time(text):
    all_of_it, less = text(), text(of_system=False)
    for metric in ("coproc_worker_resident_bytes", "coproc_worker_cpu_seconds_total"):
        assert metric in all_of_it
        assert metric not in less
    assert "coproc_worker_up" in less


def test_content_types():
    assert coproc.Metrics().content_type() == "text/plain; version=0.0.4; charset=utf-8"
    assert coproc.Metrics().content_type(open=True) == "application/openmetrics-text; version=1.0.0; charset=utf-8"


def test_a_thread_asks_while_another_uses_a_pool():
    is_over = threading.Event()
    seen = []

    def ask():
        while not is_over.is_set():
            seen.append(len(coproc.Metrics().text(of_system=False)))

    asker = threading.Thread(target=ask)
    with coproc.Pool(2) as pool:
        asker.start()
        while len(seen) < 50:
            assert sum(pool.map(square, range(100))) == 328350
        is_over.set()
        asker.join()
