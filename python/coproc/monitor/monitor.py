"""The host's side of a Monitor."""

import dataclasses
import datetime
import os
import time
import typing

from .. import _core
from ..messenger import MultiMessenger
from ..worker_resource import WorkerResource
from .process import AskStats, NewNote, Recording, SavePlot, TakeSample
from .statsresult import Note


@dataclasses.dataclass
class MonitorMessengerInterface:
    """What `with Monitor() as monitor` gives: makes notes and asks for results.

    :param messenger: the messenger to the monitor's process
    :param pid: the process that is watched
    :param began: the beginning, in nanoseconds of the monotonic clock
    """

    messenger: MultiMessenger
    pid: int
    began: int

    def print(self, note, details=None):
        """Make a note that is logged and printed.

        :param note: the text
        :param details: more text
        """
        self.add_note(note, details, do_log=True, do_label=False, do_print=True)

    def label(self, note, details=None):
        """Make a note that is logged and is a label in drawings.

        :param note: the text
        :param details: more text
        """
        self.add_note(note, details, do_log=True, do_label=True, do_print=False)

    def log(self, note, details=None):
        """Make a note that is logged.

        :param note: the text
        :param details: more text
        """
        self.add_note(note, details, do_log=True, do_label=False, do_print=False)

    def add_note(self, note, details=None, do_log=True, do_label=True, do_print=False):
        """Make a note. Its time and memory are those of this call. Does not wait for the monitor's process.

        :param note: the text
        :param details: more text
        :param do_log: whether it is a line of the log, if there is one
        :param do_label: whether it is a label in drawings
        :param do_print: whether it is printed here
        :raises WorkerDiedError: if the monitor's process has died
        """
        memory = _core.resident_bytes_of(self.pid)
        made = NewNote(time.monotonic_ns() - self.began, str(note), details, do_log, do_label, memory)
        if do_print:
            now = datetime.datetime.now().astimezone()
            line = Note(self.pid, made.note, details, do_label, do_log, memory, now)
            print(line.long_log_str(), end="")
        self.messenger.send_norequest(made)

    def get_stats(self):
        """Take a sample and return all that was recorded so far. Blocks until the monitor's process has answered.

        :return: a StatsResult
        :raises WorkerDiedError: if the monitor's process has died
        """
        return self.messenger.call(AskStats())

    def update_child_processes(self):
        """Look for new processes now: a name of the old package. It is done at every sample anyway. Does not block."""
        self.messenger.send_norequest(TakeSample())

    def save_memory_plot(self, fname, font_size=5, include_notes=True, **save_kwargs):
        """Let the monitor's process write the drawing to a file. Blocks until it is written.

        :param fname: The name or path of the file. For .svg, .html, .csv and .json nothing else is needed; anything
            else is given to matplotlib.
        :param font_size: the size of the labels in points, for matplotlib
        :param include_notes: whether there are labels
        :param save_kwargs: further arguments of `matplotlib.figure.Figure.savefig`
        :raises ImportError: if matplotlib is needed and missing
        :raises OSError: if the file cannot be written
        """
        self.messenger.call(SavePlot(os.path.abspath(fname), font_size, include_notes, save_kwargs))


class Monitor:
    """Records the memory and the processor time of a process and its descendants, by a process of its own.

        with coproc.Monitor(fig_path="run.svg") as monitor:
            monitor.label("loaded", details="12 files")
            print(monitor.get_stats().num_stats)

    Descendants are looked for at every sample, and the monitor's own process is left out. The figure is written at the
    end, however this process ends.

    :param pid: the process to watch; None, the default, for this one
    :param snapshot_seconds: the seconds between two samples, at least 0.001
    :param include_children: whether descendants are watched, too
    :param log_path: A file that gets a line for each note, as it comes. None, the default: no file.
    :param fig_path: A file for the drawing, as for `save_memory_plot`. None, the default: no file.
    :param save_fig_freq: after how many samples the figure is written again before the end
    :param verbose: whether the monitor's process prints what it receives
    :param method: 'fork', 'spawn' or 'forkserver'; None, the default, for multiprocessing's default
    :raises ValueError: if there is no such method, or a number is too small
    """

    def __init__(
        self,
        pid=None,
        snapshot_seconds=0.25,
        include_children=True,
        log_path=None,
        fig_path=None,
        save_fig_freq=10,
        verbose=False,
        method=None,
    ):
        if not snapshot_seconds >= 0.001:
            raise ValueError(f"snapshot_seconds: at least 0.001, not {snapshot_seconds!r}")
        if not save_fig_freq >= 1:
            raise ValueError(f"save_fig_freq: at least 1, not {save_fig_freq!r}")
        self._pid = pid
        self._options: typing.Dict[str, typing.Any] = {
            "interval": float(snapshot_seconds),
            "include_children": bool(include_children),
            "log_path": None if log_path is None else os.path.abspath(log_path),
            "fig_path": None if fig_path is None else os.path.abspath(fig_path),
            "save_fig_freq": save_fig_freq,
            "verbose": verbose,
        }
        self._worker = WorkerResource(Recording, MultiMessenger, method, name="coproc-monitor")

    def __enter__(self):
        """Start the monitor's process. Blocks until it has taken its first sample.

        :return: a MonitorMessengerInterface
        :raises StartError: if the process cannot be started
        :raises ValueError: if there is no process `pid`
        """
        pid = os.getpid() if self._pid is None else self._pid
        began = time.monotonic_ns()
        self._worker.start(pid=pid, began=began, **self._options)
        try:
            self._worker.messenger.call(TakeSample())
        except BaseException:
            self._worker.stop()
            raise
        return MonitorMessengerInterface(self._worker.messenger, pid, began)

    def __exit__(self, *_):
        """End the monitor's process. Blocks until the figure is written."""
        self._worker.finish()
