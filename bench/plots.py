"""Plots of a run as SVG files, drawn by gnuplot."""

import shutil
import subprocess

from marks import COPROC, GIB, LIMITS

COLOURS = [
    "#1f77b4",
    "#2ca02c",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
    "#aec7e8",
    "#98df8a",
    "#c5b0d5",
    "#c49c94",
    "#f7b6d2",
    "#dbdb8d",
    "#9edae5",
    "#393b79",
    "#637939",
    "#8c6d31",
    "#843c39",
    "#7b4173",
]
COPROC_COLOURS = ["#d62728", "#ff7f0e", "#ff9896"]
SIZE_TICS = 'set xtics ("64 B" 64, "1 KiB" 1024, "16 KiB" 16384, "256 KiB" 262144, "1 MiB" 1048576)'


def draw(results, stem):
    """Write <stem>-<plot>.svg, and return the names of the files."""
    if shutil.which("gnuplot") is None:
        return []
    drawings = {
        "latency": lines_over_size(
            results, "round_trip", "Round trip, pinned apart", "microseconds", lambda v, size: v
        ),
        "throughput": lines_over_size(
            results, "stream", "Stream, pinned apart", "GB/s", lambda v, size: v * size / 1e9
        ),
        "distribution": distribution(results),
        "start": start_cost(results),
    }
    files = []
    for name, commands in drawings.items():
        if commands:
            path = stem.parent / f"{stem.name}-{name}.svg"
            header = (
                f"set terminal svg size 1000,600 font 'sans,12' background 'white'\nset output {quoted(path)}\n"
                "set grid back lc rgb '#dddddd'\n"
            )
            if subprocess.run(["gnuplot"], input=header + commands, text=True).returncode == 0:
                files.append(path.name)
    return files


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def style(peer, colours):
    """Draw coproc and the limits with thick lines, and others with thin lines in the next colour."""
    if peer in COPROC:
        return f"lw 3 pt 7 ps 0.7 lc rgb '{COPROC_COLOURS[sorted(COPROC & colours.keys()).index(peer) % 3]}'"
    if peer in LIMITS:
        return f"lw 3 pt 5 ps 0.6 dt {'3' if peer == 'flag' else '1'} lc rgb 'black'"
    others = sorted(colours.keys() - COPROC - LIMITS)
    return f"lw 1.5 pt 6 ps 0.5 lc rgb '{COLOURS[others.index(peer) % len(COLOURS)]}'"


def plot_lines(series, settings):
    """Plot `series`, a dict of lists of (x, y) by peer. The key has their order."""
    blocks = "".join(
        f"$data{i} << END\n" + "".join(f"{x} {y:g}\n" for x, y in points) + "END\n"
        for i, points in enumerate(series.values())
    )
    curves = ", ".join(
        f"$data{i} using 1:2 with linespoints {style(peer, series)} title {quoted(peer.replace('_', ' '))}"
        for i, peer in enumerate(series)
    )
    return f"{blocks}set key outside right noenhanced\n{settings}\nplot {curves}\n"


def lines_over_size(results, work, title, unit, scale):
    found = {}
    for (peer, w, size, placement), m in results.by_key.items():
        if (w, placement) == (work, "apart") and m["rounds"]:
            found.setdefault(peer, []).append((size, scale(m["median"], size)))
    if not found:
        return None
    at_smallest = lambda peer: dict(found[peer]).get(64, 0)
    series = {peer: sorted(found[peer]) for peer in sorted(found, key=at_smallest, reverse=True)}
    return plot_lines(
        series,
        f"set logscale xy\nset title '{title}'\nset xlabel 'payload'\nset ylabel '{unit}'\n{SIZE_TICS}\n"
        "set xrange [50:1400000]",
    )


def distribution(results):
    """Plot percentiles on a scale that shows the tail: 90, 99 and 99.9 % are equally far apart."""
    found = {
        m["peer"]: m["percentiles"]
        for m in results.by_key.values()
        if (m["work"], m["size"], m["placement"]) == ("round_trip", 64, "apart") and m.get("percentiles")
    }
    if not found:
        return None
    series = {
        peer: [(1 / (1 - float(p) / 100), v) for p, v in found[peer].items()]
        for peer in sorted(found, key=lambda peer: found[peer]["50"], reverse=True)
    }
    tics = ", ".join(f'"{p} %%" {1 / (1 - p / 100):g}' for p in (50, 90, 95, 99, 99.9))
    return plot_lines(
        series,
        "set logscale xy\nset title 'Round trip of 64 B, pinned apart: distribution'\n"
        f"set xlabel 'percentile'\nset ylabel 'microseconds'\nset xtics ({tics})\nset xrange [1:1000]",
    )


def start_cost(results):
    found = sorted(
        (
            (m["median"], m["peer"].replace("_", " ") + (", host with 1 GiB touched" if m["size"] == GIB else ""))
            for m in results.by_key.values()
            if m["work"] == "start" and m["rounds"]
        ),
        reverse=True,
    )
    if not found:
        return None
    rows = "".join(f'{i} {value:g} "{name}"\n' for i, (value, name) in enumerate(found))
    return (
        "$data << END\n" + rows + "END\nset title 'Start to the first message'\nset xlabel 'microseconds'\n"
        "set logscale x\nset xrange [50:*]\n"
        f"set yrange [-0.7:{len(found) - 0.3:g}]\n"
        "set style fill solid 0.8\nset ytics noenhanced\n"
        "unset key\nplot $data using 2:0:(10):2:($0-0.35):($0+0.35):ytic(3) with boxxyerror lc rgb '#1f77b4', "
        "$data using ($2*1.05):0:(sprintf('%.0f', $2)) with labels left noenhanced\n"
    )
