"""What a Monitor has recorded."""

import dataclasses
import datetime
import importlib
import typing


def _import(name, what):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise ImportError(
            f"{what} needs {package}, which is not installed (Debian: python3-{package}); .svg files and the lists "
            "`stats` and `notes` need nothing"
        ) from error


def is_drawn_without_matplotlib(filename):
    """Whether the core writes files with this name.

    :param filename: the name or path of a file
    :return: whether it ends with .svg, .html, .csv or .json
    """
    return str(filename).endswith((".svg", ".html", ".csv", ".json"))


@dataclasses.dataclass
class MemoryInfo:
    """Bytes of memory: `rss` is resident, `shared` the part of it that files and shared memory are behind."""

    rss: int
    shared: int


@dataclasses.dataclass
class Stat:
    """One sample of one process: a name of the old package.

    :param pid: the process
    :param start_ts: the time of the sample before
    :param end_ts: the time of the sample
    :param memory_info: its memory, with `rss` and `shared` in bytes
    :param cpu: its share of processors between the two, in per cent of one processor
    """

    pid: int
    start_ts: datetime.datetime
    end_ts: datetime.datetime
    memory_info: typing.Any
    cpu: float

    @property
    def memory_usage(self):
        """The resident bytes."""
        return self.memory_info.rss

    def asdict(self):
        """Return the row of a data frame.

        :return: a dict with pid, start_ts, end_ts, memory_usage and cpu
        """
        names = ("pid", "start_ts", "end_ts", "memory_usage", "cpu")
        return {name: getattr(self, name) for name in names}


@dataclasses.dataclass
class Note:
    """A note of the program: a name of the old package.

    :param pid: the process that is watched
    :param note: the text
    :param details: more text, or None
    :param do_label: whether it is a label in drawings
    :param do_log: whether it is a line of the log
    :param memory_usage: the resident bytes of the watched process at that moment
    :param ts: the moment
    """

    pid: int
    note: str
    details: typing.Optional[str]
    do_label: bool
    do_log: bool
    memory_usage: int
    ts: datetime.datetime

    def log_str(self):
        """Return a line with the time in full.

        :return: the line, with its end
        """
        return f"{self.ts.isoformat()}: {self.note}; details={self.details}\n"

    def long_log_str(self, show_ts=True, show_delta=True, show_mem=True):
        """Return a line with time and memory.

        :param show_ts: whether the time is in it
        :param show_delta: not used, as in the old package
        :param show_mem: whether the memory is in it
        :return: the line, with its end
        """
        time = f"{self.ts.strftime('%m/%d %H:%M:%S')}/" if show_ts else ""
        memory = f"{self.format_memory(self.memory_usage):>9}/" if show_mem else ""
        return f"{time}{memory}: {self.note}; details={self.details}\n"

    def asdict(self):
        """Return the row of a data frame.

        :return: a dict of the fields
        """
        return dataclasses.asdict(self)

    @staticmethod
    def format_memory(num_bytes, decimals=2):
        """Return bytes with a unit, by powers of 1000.

        :param num_bytes: the bytes
        :param decimals: the digits after the point
        :return: the text
        """
        for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if num_bytes >= size:
                return f"{num_bytes / size:0.{decimals}f} {unit}"
        return f"{num_bytes:0.{decimals}f} Bytes"


@dataclasses.dataclass
class StatsResult:
    """All that was recorded: a name of the old package.

    :param stats: the samples, a Stat each
    :param notes: the notes, a Note each
    """

    stats: typing.List[Stat]
    notes: typing.List[Note]

    @classmethod
    def of_recording(cls, recorded, interval, drawings):
        """Make one of what the core has recorded.

        :param recorded: the object of its JSON
        :param interval: the seconds between two samples
        :param drawings: SVG with notes and without, by True and False
        :return: the StatsResult
        """

        def moment(seconds):
            return datetime.datetime.fromtimestamp(recorded["began_at"] + seconds).astimezone()

        stats = []
        for process in recorded["processes"]:
            before = None
            for sample in process["samples"]:
                start = max(0, sample["time"] - interval) if before is None else before
                before = sample["time"]
                memory = MemoryInfo(sample["resident_bytes"], sample["shared_bytes"])
                cpu = 100 * sample["processors"]
                stats.append(Stat(process["pid"], moment(start), moment(before), memory, cpu))
        stats.sort(key=lambda stat: stat.end_ts)
        pid = recorded["processes"][0]["pid"]
        notes = [
            Note(
                pid,
                note["text"],
                note["details"] or None,
                note["label"],
                note["log"],
                note["resident_bytes"],
                moment(note["time"]),
            )
            for note in recorded["notes"]
        ]
        result = cls(stats, notes)
        result._drawings = drawings
        return result

    @property
    def num_stats(self):
        """The number of samples."""
        return len(self.stats)

    @property
    def num_notes(self):
        """The number of notes."""
        return len(self.notes)

    @property
    def has_results(self):
        """Whether there are samples."""
        return self.num_stats > 0

    def stats_df(self):
        """Return the samples as a data frame of pandas.

        :return: pid, start_ts, end_ts, memory_usage, cpu, monitor_time and monitor_minutes
        :raises ImportError: if pandas is missing
        """
        return self._data_frame([stat.asdict() for stat in self.stats], "end_ts", "stats_df()")

    def notes_df(self):
        """Return the notes that are labels as a data frame of pandas. Its times begin with those of `stats_df`.

        :return: the fields of a Note, monitor_time and monitor_minutes
        :raises ImportError: if pandas is missing
        """
        return self._data_frame([note.asdict() for note in self.notes if note.do_label], "ts", "notes_df()")

    def _began(self):
        return min([stat.end_ts for stat in self.stats] + [note.ts for note in self.notes])

    def _data_frame(self, rows, time, what):
        frame = _import("pandas", what).DataFrame(rows)
        if rows:
            frame["monitor_time"] = frame[time] - self._began()
            frame["monitor_minutes"] = frame["monitor_time"].map(lambda passed: passed.total_seconds() / 60)
        return frame

    def plot_memory(self, font_size=5, include_notes=True):
        """Draw gigabytes over minutes, a line for each process, by matplotlib.

        :param font_size: the size of the labels, in points
        :param include_notes: whether there are labels
        :return: a `matplotlib.figure.Figure`
        :raises ImportError: if matplotlib is missing
        """
        figure = _import("matplotlib.figure", "plot_memory()").Figure()
        axes = figure.add_subplot()
        axes.set_title("Memory Usage")
        axes.set_xlabel("Time (minutes)")
        axes.set_ylabel("Memory Usage (GB)")
        if not self.stats:
            return figure
        began = self._began()
        lines = {}
        for stat in self.stats:
            points = lines.setdefault(stat.pid, ([], []))
            points[0].append((stat.end_ts - began).total_seconds() / 60)
            points[1].append(stat.memory_usage / 1e9)
        for pid, points in lines.items():
            axes.plot(*points, label=str(pid))
        for note in self.notes if include_notes else ():
            if note.do_label:
                place = ((note.ts - began).total_seconds() / 60, note.memory_usage / 1e9)
                # Without the mathematics that a dollar would begin.
                axes.annotate(note.note, place, fontsize=font_size, parse_math=False, bbox={"facecolor": "white"})
        return figure

    def save_memory_plot(self, filename, font_size=5, include_notes=True, **save_kwargs):
        """Write the drawing to a file: .svg by the core, anything else by matplotlib.

        :param filename: the name or path of the file
        :param font_size: the size of the labels in points, for matplotlib
        :param include_notes: whether there are labels
        :param save_kwargs: further arguments of `matplotlib.figure.Figure.savefig`
        :return: the figure of matplotlib, or None for .svg
        :raises ImportError: if matplotlib is needed and missing
        :raises OSError: if the file cannot be written
        """
        drawings = getattr(self, "_drawings", {})
        if str(filename).endswith(".svg") and bool(include_notes) in drawings and not save_kwargs:
            with open(filename, "w", encoding="utf-8") as file:
                file.write(drawings[bool(include_notes)])
            return None
        figure = self.plot_memory(font_size, include_notes)
        figure.savefig(str(filename), **save_kwargs)
        return figure
