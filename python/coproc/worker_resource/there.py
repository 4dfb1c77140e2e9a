"""What runs on the other machine: the process of a WorkerResource with a machine, behind begin.py."""

import pickle
import sys

from .. import _core, this_worker
from ..array import note_latest
from . import inheritance


def be_worker():
    """Be the worker of the host that has started this interpreter. Ends the process."""
    sys.exit(_core.run_sent(_prepare))


def _prepare(data):
    """Make this process what the host wants, before that is told that it has started.

    :param data: what `elsewhere.start` has pickled
    :return: the messenger and what is called with it, or a text that says why there are none
    """
    sent = pickle.loads(data)
    # Modules that are at the same place as there; this machine's own come first.
    sys.path += [path for path in sent["path"] if path not in sys.path]
    sys.argv[:] = sent["argv"]
    this_worker.assume(sent["identity"])
    inheritance.be_new(this_worker.seed())
    try:
        messenger_type, call = pickle.loads(sent["pickled"])
    except Exception as error:
        return (
            f"its target or an argument cannot be unpickled by {sys.executable} there: {type(error).__name__}: "
            f"{error}. Are the modules of both there, in the same versions?"
        )
    inheritance.draw_other_numbers(this_worker.seed())  # after the modules, which may have seeded the generators
    messenger = messenger_type()
    note_latest(messenger)
    return messenger, call
