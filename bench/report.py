#!/usr/bin/python3
"""Makes the tables, marks and plots of runs: report.py RESULTS.json [...]."""

import json
import pathlib
import sys

import plots
from judge import judge
from marks import COPROC, INSTRUCTIONS
from results import Results

PLACEMENTS = {"apart": "two processors, pinned apart", "together": "both pinned to one processor", "free": "not pinned"}
MESSAGES = {
    "round_trip": "Round trip",
    "asleep": "Round trip, both sides asleep each time",
    "stream": "Stream, one by one",
    "stream_batch": "Stream, batches of 32",
    "stream_priorities": "Stream over 4 priorities and 4 channels",
}
LIFE = {
    "start": "start to the first message",
    "stop": "stop of an idle worker",
    "death": "a death, to a blocked host",
    "first_answer": "start to the first answer",
    "restart": "a death, to the next worker's first answer",
    "crowd_descriptors": "descriptors of the host, each",
    "crowd_memory": "memory of the host, each",
    "loan": "memory that is lent, untouched, there and back",
    "idle": "processor time of who has nothing to do",
    "tasks": "tiny tasks, one message each, 2 workers",
    "tasks_in_chunks": "tiny tasks, as many together as it likes",
    "sleeping_tasks": "tasks that sleep 10 ms, 8 workers",
    "sleeping_host": "the same, a processor's share in the host",
    "many_tasks": "memory of a host, over 10,000,000 tasks",
    "pool_start": "start of a pool of 64 workers",
    "pool_stop": "stop of a pool of 64 workers",
    "boxed_start": "by how much a start in a box is longer",
}
REMOTE = {
    "remote_round_trip": "round trip of 64 bytes",
    "remote_stream": "stream of 64 bytes, one by one",
    "remote_lent": "64 MiB, looked at and answered",
    "remote_start": "start to the first message, beyond what the launcher takes for `true`",
}
PYTHON = {
    "python_round_trip": "round trip of a small dataclass",
    "python_stream": "stream of small dataclasses",
    "python_array": "64 MiB of NumPy, looked at and answered, again and again",
    "python_array_first": "the same, the first on a link",
    "python_array_shared": "the same, made in shared memory",
    "python_pool": "tiny tasks, 2 workers; coproc in its own chunks, multiprocessing in chunks of 1",
}


def write(data, output):
    """Write RESULTS.json with the marks in it, RESULTS.md and RESULTS-*.svg."""
    results = Results(data["measurements"])
    data["marks"] = judge(results, {tuple(key): reason for *key, reason in data.get("missing", [])})
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(to_json(data))
    files = plots.draw(results, output.with_suffix(""))
    output.with_suffix(".md").write_text("\n".join(lines(data, results, files)) + "\n")


def to_json(data):
    """Return JSON with one line for each measurement, so that two runs can be compared by eye."""
    parts = []
    for key, value in data.items():
        if isinstance(value, list):
            inner = ",\n".join(f"  {json.dumps(item)}" for item in value)
            parts.append(f'"{key}": [\n{inner}\n]' if value else f'"{key}": []')
        else:
            parts.append(f'"{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def lines(data, results, files):
    machine = data["machine"]
    yield f"# Measurements of {data['date'][:10]}"
    yield ""
    python = f" · {machine['python']}" if "python" in machine else ""
    programs = f"{machine['kernel']} · {machine['compiler']}{python}"
    yield f"{machine['processor']}, {machine['processors']} processors · {programs}  "
    yield (
        f"stolen {machine['stolen_percent']:.1f} %, taken by other processes {machine['others_percent']:.1f} % · "
        f"{data['rounds']} rounds in {data['seconds']} s{' (quick)' if data['quick'] else ''} · medians"
    )
    yield ""
    yield from marks_table(data["marks"])
    shapes = {k[1]: k[1] for k in results.by_key if k[0] == INSTRUCTIONS}
    yield from works_table(results, "Instructions of a send and its receive", shapes)
    for work, title in MESSAGES.items():
        for placement, where in PLACEMENTS.items():
            yield from messages_table(results, work, title, placement, where)
    yield from percentiles_table(results)
    yield from works_table(results, "Start, stop, death, idleness, pools", LIFE)
    yield from beside_table(results, "Deaths, beside coproc's", "restart", "coproc_fork_server")
    yield from works_table(results, "Another machine, which is this one by loopback", REMOTE)
    yield from works_table(results, "Python", PYTHON)
    if files:
        yield "## Plots"
        yield ""
        yield from (f"![{name}]({name})" for name in files)
        yield ""
    if data["failures"]:
        yield "## Failures"
        yield ""
        for f in data["failures"]:
            trial = f"{f['peer']} {f['work']} {size_name(f['size'])} {f['placement']}"
            yield f"- {trial}, {f['times']} times: `{f['text']}`"
        yield ""


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def number(value):
    if value is None:
        return ""
    if value and abs(value) < 0.001:
        return f"{value:.2g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def size_name(size):
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def peer_name(peer):
    name = peer.replace("_", " ")
    return f"**{name}**" if peer in COPROC else name


def key_name(of, to):
    """Return how the divisor of a ratio differs from the dividend."""
    if to is None:
        return peer_name(of[0])
    parts = [peer_name(to[0])]
    if to[1] != of[1]:
        parts.append(MESSAGES.get(to[1], to[1]).lower())
    if to[2] != of[2]:
        parts.append(f"with {size_name(to[2])}")
    return f"{peer_name(of[0])} / {', '.join(parts)}"


def marks_table(marks):
    yield "## Marks"
    yield ""
    yield "Ratios within a round, medians over the rounds."
    yield ""
    rows = []
    for m in marks:
        spread = f"{number(m['min'])} to {number(m['max'])}" if (m["rounds"] or 0) > 1 else ""
        rows.append(
            [
                m["what"],
                key_name(m["of"], m["to"]),
                number(m["median"]),
                spread,
                str(m["rounds"] or ""),
                m["mark"],
                f"{m['verdict']}: {m['reason']}" if m["reason"] else m["verdict"],
            ]
        )
    yield from table(["", "of", "median", "spread", "rounds", "mark", ""], rows)


def messages_table(results, work, title, placement, where):
    keys = [k for k in results.by_key if k[1] == work and k[3] == placement and results.by_key[k]["rounds"]]
    if not keys:
        return
    sizes = sorted({k[2] for k in keys})
    is_stream = work.startswith("stream")
    cell = lambda peer, size: results.median(peer, work, size, placement)

    def text(value, size):
        if value is None:
            return ""
        if not is_stream:
            return number(value)
        return f"{number(value / 1e6)} M/s" if size <= 1024 else f"{number(value * size / 1e9)} GB/s"

    best_first = sorted({k[0] for k in keys}, key=lambda p: rank(cell, p, sizes, is_stream))
    yield f"## {title}: {where}"
    yield ""
    yield "Million messages a second up to 1 KiB, beyond that GB/s." if is_stream else "Microseconds."
    yield ""
    yield from table(
        [""] + [size_name(s) for s in sizes],
        [[peer_name(p)] + [text(cell(p, s), s) for s in sizes] for p in best_first],
    )


def rank(cell, peer, sizes, is_stream):
    for i, size in enumerate(sizes):
        value = cell(peer, size)
        if value is not None:
            return i, -value if is_stream else value
    return len(sizes), 0


def percentiles_table(results):
    found = [
        m
        for m in results.by_key.values()
        if m["work"] == "round_trip" and m["size"] == 64 and m["placement"] == "apart" and m.get("percentiles")
    ]
    if not found:
        return
    yield "## Round trip of 64 B, pinned apart: percentiles"
    yield ""
    yield "Microseconds of single round trips, each with its own look at the clock."
    yield ""
    names = list(found[0]["percentiles"])
    yield from table(
        [""] + [f"{p} %" for p in names],
        [
            [peer_name(m["peer"])] + [number(m["percentiles"].get(p)) for p in names]
            for m in sorted(found, key=lambda m: m["percentiles"]["50"])
        ],
    )


def works_table(results, title, works):
    rows = [
        [
            what + (f", host with {size_name(m['size'])} touched" if m["work"] == "start" and m["size"] else ""),
            peer_name(m["peer"]),
            f"{number(m['median'])} {m['unit']}",
            f"{number(m['min'])} to {number(m['max'])}",
        ]
        for work, what in works.items()
        for m in sorted(
            (m for m in results.by_key.values() if m["work"] == work and m["rounds"]),
            key=lambda m: (m["size"], m["median"]),
        )
    ]
    if rows:
        yield f"## {title}"
        yield ""
        yield from table(["", "", "median", "spread"], rows)


def beside_table(results, title, work, peer):
    """Yield the table of how many times the figure of `peer` each other one takes for a work that is not pinned."""
    ratios = [(p, results.ratio((p, work, 0, "free"), (peer, work, 0, "free"))) for p in results.peers(work, 0, "free")]
    rows = [
        [f"{peer_name(p)} / {peer_name(peer)}", number(r["median"]), f"{number(r['min'])} to {number(r['max'])}"]
        for p, r in sorted(((p, r) for p, r in ratios if r and r["rounds"]), key=lambda pair: pair[1]["median"])
        if p != peer
    ]
    if rows:
        yield f"## {title}: {LIFE[work]}"
        yield ""
        yield "Ratios within a round."
        yield ""
        yield from table(["", "median", "spread"], rows)


def main():
    for name in sys.argv[1:]:
        write(json.loads(pathlib.Path(name).read_text()), pathlib.Path(name))


if __name__ == "__main__":
    main()
