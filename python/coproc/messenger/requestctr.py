"""The counters of messengers, in the module where older versions had them."""

from ..queues import RequestCtr

__all__ = ["RequestCtr"]
