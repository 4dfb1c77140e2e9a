"""Traces obey the schema of Chrome's trace format, and what a dead worker did last is in its status."""

import collections
import json
import os
import signal

import pytest

import coproc
from coproc import PriorityMessenger, Trace, WorkerResource

METHODS = ["fork", "spawn", "forkserver"]

#: The fields of each phase that a trace uses: https://perfetto.dev/docs/getting-started/other-formats
COMMON = {"ph": str, "name": str, "pid": int, "tid": int}
FIELDS = {
    "M": ({"args": dict}, {}),
    "X": ({"cat": str, "ts": float, "dur": float}, {"args": dict}),
    "i": ({"cat": str, "ts": float, "s": str}, {}),
    "s": ({"cat": str, "ts": float, "id": int}, {}),
    "t": ({"cat": str, "ts": float, "id": int}, {}),
    "f": ({"cat": str, "ts": float, "id": int, "bp": str}, {}),
}


def check_fields(event):
    needed, allowed = FIELDS[event["ph"]]
    assert set(COMMON) | set(needed) <= set(event) <= set(COMMON) | set(needed) | set(allowed), event
    for field, kind in (COMMON | needed | allowed).items():
        assert field not in event or type(event[field]) is kind, event
    assert event.get("dur", 0) >= 0 and event.get("ts", 0) >= 0
    if event["ph"] == "M":
        assert event["name"] in {"process_name", "process_sort_index", "process_labels"}
    assert event.get("s", "t") == "t" and event.get("bp", "e") == "e"


def check_nesting(slices):
    """Slices of one thread lie within each other, or apart: a viewer cannot draw others."""
    open_ends = []
    for begin, end in slices:
        while open_ends and open_ends[-1] <= begin:
            open_ends.pop()
        assert not open_ends or end <= open_ends[-1]
        open_ends.append(end)


def check(path):
    """Return what the file holds. Fails if a viewer could not draw it as it is meant."""
    with open(path, encoding="utf-8") as file:
        whole = json.load(file)
    assert set(whole) == {"displayTimeUnit", "otherData", "traceEvents"}
    assert whole["displayTimeUnit"] in {"ns", "ms"}
    by_phase = collections.defaultdict(list)
    for event in whole["traceEvents"]:
        check_fields(event)
        by_phase[event["ph"]].append(event)
    times = [round(event["ts"] * 1000) for event in whole["traceEvents"] if event["ph"] != "M"]
    assert times == sorted(times)
    named = {event["pid"] for event in by_phase["M"] if event["name"] == "process_name"}
    assert named == {event["pid"] for event in whole["traceEvents"]}

    slices = collections.defaultdict(list)
    for event in by_phase["X"]:
        begin = round(event["ts"] * 1000)
        slices[event["pid"], event["tid"]].append((begin, begin + round(event["dur"] * 1000)))
    for each in slices.values():
        check_nesting(each)

    flows = collections.defaultdict(list)
    for event in whole["traceEvents"]:
        if event["ph"] in "stf":
            flows[event["id"]].append(event)
            begin = round(event["ts"] * 1000)  # an arrow begins and ends at a slice
            assert any(left <= begin <= right for left, right in slices[event["pid"], event["tid"]])
    for flow in flows.values():
        phases = "".join(event["ph"] for event in flow)
        assert phases[0] == "s" and phases[-1] == "f" and set(phases[1:-1]) <= {"t"}, phases
        assert len({event["name"] for event in flow}) == 1
    assert whole["otherData"]["arrows"] == len(flows)
    return whole["otherData"], by_phase, flows


def double(messenger: PriorityMessenger):
    while True:
        value = messenger.receive_blocking()
        with coproc.span("double"):
            messenger.send_reply(2 * value)


@pytest.mark.parametrize("method", METHODS)
def test_a_thousand_requests_are_a_thousand_arrows(method, tmp_path):
    path = tmp_path / "run.json"
    with Trace(path) as trace, WorkerResource(double, method=method, name='"the" worker') as worker:
        pid = worker.pid
        for i in range(1000):
            with coproc.span("ask"):
                request = worker.messenger.send_request(i)
                assert worker.messenger.receive_reply(request) == 2 * i
        assert trace.finish().arrows == 1000
    said, by_phase, flows = check(path)
    assert len(flows) == 1000
    assert all([event["ph"] for event in flow] == ["s", "t", "t", "f"] for flow in flows.values())
    assert {event["pid"] for flow in flows.values() for event in flow} == {os.getpid(), pid}
    assert said["overwritten_events"] == said["left_out_events"] == 0
    names = collections.Counter(event["name"] for event in by_phase["X"])
    assert names["double"] == names["ask"] == 1000
    assert {event["args"]["name"] for event in by_phase["M"] if event["name"] == "process_name"} == {
        "host",
        '"the" worker',
    }


def die_in_a_span(messenger: PriorityMessenger):
    messenger.receive_blocking()
    with coproc.span("open"):
        pass
    with coproc.span("parse"):
        coproc.mark("half")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_killed_worker_did_last_is_in_its_status(method):
    worker = WorkerResource(die_in_a_span, method=method, events=100)
    worker.start()
    request = worker.messenger.send_request(5)
    with pytest.raises(coproc.WorkerDiedError) as died:
        worker.messenger.receive_reply(request)
    for status in (died.value.exit_status, worker.exit_status):
        last = [event for event in status.last_events if event.what not in {"began_wait", "ended_wait"}]
        assert [event.what for event in last] == [
            "received_request", "began_span", "ended_span", "began_span", "mark"
        ]  # fmt: skip
        assert [event.name for event in last[1:]] == ["open", "open", "parse", "half"]
        assert last[0].id == request
        before = [event.before_end for event in status.last_events]
        assert before == sorted(before, reverse=True) and before[-1] >= 0
        assert 'began "parse"' in status.report()
        assert last[-1].describe() == 'came to "half"'
    worker.stop()


def test_a_dead_workers_trace_can_be_drawn(tmp_path):
    path = tmp_path / "run.json"
    with Trace(path), WorkerResource(die_in_a_span) as worker:
        worker.messenger.send_request(5)
        worker.join()
    _, by_phase, flows = check(path)
    assert len(flows) == 1
    assert [each["args"] for each in by_phase["X"] if each["name"] == "parse"] == [{"unfinished": True}]


def test_without_a_trace_spans_do_nothing():
    with coproc.span("nowhere"):
        coproc.mark("nowhere")
    with WorkerResource(double) as worker:
        assert worker.messenger.call(1) == 2
    assert worker.exit_status.last_events == []


def test_a_trace_that_may_not_be(tmp_path):
    with Trace(tmp_path / "run.json"):
        with pytest.raises(ValueError, match="has a trace already"):
            Trace(tmp_path / "other.json")
    with pytest.raises(ValueError, match="TraceOptions::events"):
        Trace(tmp_path / "other.json", events=0)
    with pytest.raises(ValueError, match="WorkerOptions::events"):
        WorkerResource(double, events=1 << 21)


def test_what_is_missing_is_said(tmp_path):
    path = tmp_path / "run.json"
    with Trace(path, events=16, most_events=10) as trace:
        for _ in range(50):
            coproc.mark("again")
        summary = trace.finish()
    assert (summary.events, summary.left_out, summary.overwritten) == (10, 40, 0)
    assert check(path)[0]["left_out_events"] == 40
