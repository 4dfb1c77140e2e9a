"""The counters of messengers, where older versions had them."""

from ..queues import RequestCtr

__all__ = ["RequestCtr"]
