"""Metrics: their text is what Prometheus and OpenMetrics take, and the counters are those of the workers."""

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


times = 0  # that the fixture was used: counters go on over objects of the same names


@pytest.fixture
def text():
    """Return a function that returns the text of many kinds of workers."""
    global times
    times += 1
    workers = [coproc.WorkerResource(echo, name=name) for name in HOSTILE + ["twice", "twice"]]
    for worker in workers:
        worker.start()
        worker.messenger.send_request(1)
        worker.messenger.receive_blocking()
    workers[-1].stop()
    pool = coproc.Pool(2)
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


def check(samples):
    names = {dict(labels)["name"] for _, labels in samples}
    for name in HOSTILE:
        shown = name.replace("\n", "\\n")
        assert shown in names
        assert value(samples, "coproc_worker_up", shown) == 1
        assert value(samples, "coproc_worker_messages_total", shown, direction="sent") == times
        assert value(samples, "coproc_worker_resident_bytes", shown) > 1000
    assert value(samples, "coproc_worker_up", "twice", 0) == 1
    assert value(samples, "coproc_worker_up", "twice", 1) == 0
    assert value(samples, "coproc_pool_workers", "pool worker") == 2
    assert value(samples, "coproc_pool_tasks_total", "pool worker", state="succeeded") == 10 * times


def test_the_reader_of_prometheus_reads_the_text(text):
    parser = pytest.importorskip("prometheus_client.parser")
    check(samples_of(parser.text_string_to_metric_families(text())))


def test_the_reader_of_openmetrics_reads_the_open_text(text):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    check(samples_of(parser.text_string_to_metric_families(text(open=True))))


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
