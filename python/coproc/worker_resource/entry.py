"""What runs in a worker's process."""

import sys

from ..array import note_latest
from ..messenger.messenger import _Carried
from ..pickling import Shipped
from . import interrupts


class Start:
    """The `target` of the worker's process: everything that it is started with. Pickled by `spawn` and `forkserver`."""

    def __init__(self, target, messenger_type, end, kwargs):
        self._end = end
        self._messenger_type = messenger_type
        self._shipped = Shipped((target, kwargs))

    def __reduce__(self):
        return _arrived, (self._messenger_type, _Carried(self._end), self._shipped)

    def __call__(self):
        interrupts.ignore()
        target, kwargs = self._shipped.value
        messenger = self._messenger_type()
        note_latest(messenger)
        code = self._end.run(messenger, lambda: call(target, messenger, kwargs))
        if code != 0:
            sys.exit(code)  # the host was told the exception


def call(target, messenger, kwargs):
    if isinstance(target, type):
        target(messenger, **kwargs)()
    else:
        target(messenger, **kwargs)


def _arrived(messenger_type, end, shipped):
    start = Start.__new__(Start)
    start._end, start._messenger_type, start._shipped = end, messenger_type, shipped
    return start
