"""coproc bench: what it measures, in its two forms."""

import json
import os
import signal
import subprocess

import pytest

from seen import COPROC, until

WORKS = [
    ("start, to the first message", "us", True),
    ("death, until a blocked host knows", "us", True),
    ("round trip of 64 B, both awake", "us", True),
    ("round trip of 64 B, both asleep", "us", True),
    ("1 MiB, copied", "MB/s", True),
    ("64 MiB, lent and not touched", "us", True),
    ("tiny tasks by 2 workers, one message each", "tasks/s", False),
]


def run(*words, launcher=()):
    return subprocess.run([*launcher, COPROC, "bench", "--quick", *words], capture_output=True, text=True)


def check_spread(spread):
    assert 0 < spread["low"] <= spread["median"] <= spread["high"]


def check_whole(whole):
    assert whole["rounds"] == 3
    assert [(one["name"], one["unit"], one["published"] is not None) for one in whole["works"]] == WORKS
    for work in whole["works"]:
        for one in ("coproc", "bare", "ratio"):
            check_spread(work[one])
        assert work["ratio"]["low"] <= work["coproc"]["high"] / work["bare"]["low"] * 1.001
        assert work["ratio"]["high"] >= work["coproc"]["low"] / work["bare"]["high"] * 0.999
        if work["published"]:
            assert 0 < work["published"]["low"] <= work["published"]["ratio"] <= work["published"]["high"]


def test_json_has_each_work_with_its_spread():
    result = run("--json")
    assert (result.returncode, result.stderr) == (0, "")
    whole = json.loads(result.stdout)
    assert whole["processors"] == len(os.sched_getaffinity(0))
    check_whole(whole)


def test_the_table_has_a_line_for_each_work():
    result = run()
    assert (result.returncode, result.stderr) == (0, "")
    title, head, *lines = result.stdout.splitlines()
    assert title.startswith("coproc ") and "medians of 3 rounds" in title
    assert head.split() == ["work", "coproc", "unit", "beside", "ratio", "published", "beside", "is"]
    assert [name for name, _, _ in WORKS] == [
        line.split("   ")[0].strip()[: len(name)] for line, (name, _, _) in zip(lines, WORKS)
    ]
    assert len(lines) == len(WORKS)
    assert all(" to " in line for line in lines)


def test_one_processor_is_enough():
    processor = min(os.sched_getaffinity(0))
    whole = json.loads(run("--json", launcher=["taskset", "-c", str(processor)]).stdout)
    assert whole["processors"] == 1
    check_whole(whole)


def processes_of(session):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if int(file.read().rpartition(")")[2].split()[3]) == session:
                    found.append(pid)
        except OSError:
            pass
    return found


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_leaves_nothing_behind(words):
    memory = set(os.listdir("/dev/shm"))
    process = subprocess.Popen([COPROC, "bench", "--quick", *words], stdout=subprocess.DEVNULL, start_new_session=True)
    assert process.wait() == 0
    until(lambda: processes_of(process.pid), lambda left: left == [])  # a fork server ends soon after its host
    until(lambda: set(os.listdir("/dev/shm")), lambda left: left <= memory)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_leaves_nothing_behind_when_it_is_ended(signal_number):
    process = subprocess.Popen([COPROC, "bench"], stdout=subprocess.DEVNULL, start_new_session=True)
    until(lambda: processes_of(process.pid), lambda found: len(found) > 2)
    process.send_signal(signal_number)
    assert process.wait() == -signal_number
    until(lambda: processes_of(process.pid), lambda left: left == [])
