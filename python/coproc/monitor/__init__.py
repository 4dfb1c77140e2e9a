"""Memory and processor time of a process and its descendants over time, with notes."""

from .monitor import Monitor, MonitorMessengerInterface
from .statsresult import Note, Stat, StatsResult

__all__ = ["Monitor", "MonitorMessengerInterface", "Note", "Stat", "StatsResult"]
