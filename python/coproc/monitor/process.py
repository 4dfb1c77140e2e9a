"""What the process of a Monitor runs, and what its host asks of it."""

import dataclasses
import json
import os
import typing

from .. import _core
from ..errors import HostDiedError, ResourceRequestedClose
from .statsresult import StatsResult, is_drawn_without_matplotlib


@dataclasses.dataclass
class NewNote:
    """A note. Its time is that of the monotonic clock since the beginning, in nanoseconds."""

    time: int
    note: str
    details: typing.Optional[str]
    do_log: bool
    do_label: bool
    memory_usage: int


@dataclasses.dataclass
class AskStats:
    """Asks for a StatsResult."""


@dataclasses.dataclass
class TakeSample:
    """Asks for a sample now."""


@dataclasses.dataclass
class SavePlot:
    """Asks for a file with the drawing."""

    filename: str
    font_size: int
    include_notes: bool
    save_kwargs: dict


@dataclasses.dataclass
class Recording:
    """The target of the monitor's process."""

    messenger: typing.Any
    pid: int
    interval: float
    began: int
    include_children: bool
    log_path: typing.Optional[str]
    fig_path: typing.Optional[str]
    save_fig_freq: int
    verbose: bool

    def __call__(self):
        """Record until the host asks to close, or has died."""
        for path in filter(None, (self.log_path, self.fig_path)):
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self.recorder = _core.MonitorRecorder(
            self.pid, self.include_children, self.interval, self.began, self.log_path or ""
        )
        self.samples = 1
        try:
            while True:
                self._receive()
                if self.recorder.until_next_sample() == 0:
                    self._sample()
                    if self.fig_path and self.samples % self.save_fig_freq == 0:
                        self._save(self.fig_path)
        except (ResourceRequestedClose, HostDiedError):
            self.recorder.sample()
            if self.fig_path:
                self._save(self.fig_path)

    def _receive(self):
        try:
            message = self.messenger.receive_message_blocking(timeout=self.recorder.until_next_sample())
        except TimeoutError:
            return
        if self.verbose:
            print(os.getpid(), "monitor received", message.payload)
        try:
            answer = self._answer(message.payload)
        except Exception as error:
            if message.request_reply:
                self.messenger.reply_error_to(message, error)
            else:
                self.messenger.send_error(error)
        else:
            if message.request_reply:
                self.messenger.reply_to(message, answer)

    def _answer(self, asked):
        if isinstance(asked, NewNote):
            details = "" if asked.details is None else str(asked.details)
            self.recorder.note(asked.time, asked.note, details, asked.do_log, asked.do_label, asked.memory_usage)
        elif isinstance(asked, TakeSample):
            self._sample()
        elif isinstance(asked, AskStats):
            self._sample()
            return self._result()
        elif isinstance(asked, SavePlot):
            self._sample()
            self._save(asked.filename, asked.font_size, asked.include_notes, **asked.save_kwargs)
        return None

    def _sample(self):
        self.recorder.sample()
        self.samples += 1

    def _result(self):
        drawings = {include_notes: self.recorder.svg(include_notes) for include_notes in (True, False)}
        return StatsResult.of_recording(json.loads(self.recorder.json()), self.interval, drawings)

    def _save(self, filename, font_size=5, include_notes=True, **save_kwargs):
        if is_drawn_without_matplotlib(filename):
            self.recorder.save(str(filename), include_notes)
        else:
            self._result().save_memory_plot(filename, font_size, include_notes, **save_kwargs)
