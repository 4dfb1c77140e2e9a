"""Workers on other machines: what their host does. What runs there is begin.py, and then there.py.

Such a worker is a Python interpreter that is executed there as another program is (ProgramResource). Its command line
has the versions that have to be the same on both sides; the start request has the pickle of the target.
"""

import json
import os
import pathlib
import pickle
import sys

from .. import _core
from ..errors import StartError
from ..main_module import MainNames
from ..pickling import PICKLES_BY_VALUE, dumps
from .box import flat

#: What begin.py prints before the text of an error.
_MARK = "coproc refuses: "
_BEGIN = pathlib.Path(__file__).with_name("begin.py")


def refuse(name, machine, why):
    """Raise ValueError: the worker of this name cannot be started on the machine."""
    raise ValueError(f'worker "{name}" cannot be started on "{machine.name}": {why}')


def check(name, machine, method, sandbox, limits, control_group):
    """Raise ValueError for options that a worker on another machine cannot have."""
    if method not in (None, "spawn"):
        refuse(name, machine, "an interpreter is executed anew there: use method='spawn', or leave it out")
    if sandbox is not None:
        refuse(name, machine, "sandbox is not applied there: call this_worker.confine in the target")
    if limits is not None:
        refuse(name, machine, "limits are not applied there: let the launcher's command set them")
    if control_group is not None:
        refuse(name, machine, "control_group is one of this machine")
    if not (machine.program_there or sys.executable):
        refuse(name, machine, "the interpreter of this program has no path: give Machine.program_there")


def new_worker(reorders, name, stop, link, env, capture_stderr, machine, start_timeout):
    """Return the worker of the core: an interpreter on the machine.

    :param reorders: whether its messenger is a PriorityMessenger
    :param name: its name
    :param stop: the StopOptions
    :param link: the LinkOptions
    :param env: environment variables that are set, or removed, there
    :param capture_stderr: whether this process reads its stderr
    :param machine: the Machine
    :param start_timeout: the seconds that a start may take; None for no limit
    """
    said = {
        "mark": _MARK,
        "Python": "%d.%d" % sys.version_info[:2],
        "coproc": _core.version,
        "host": os.uname().nodename,
    }
    return _core.ProgramWorker(
        reorders, _interpreter(machine), ["-c", _BEGIN.read_text(), json.dumps(said)], os.fsencode(name), stop, link,
        env, capture_stderr, None, None, b"", machine._with_program(""), start_timeout, 0,
    )  # fmt: skip


def start(worker, name, machine, messenger_type, call, arguments, identity):
    """Start the process. Blocks until it has unpickled its target.

    :param worker: what `new_worker` has returned
    :param name: its name
    :param machine: its Machine
    :param messenger_type: the type of its messenger
    :param call: what is called there with its messenger
    :param arguments: the start arguments, which are among what `call` pickles
    :param identity: its number and its seed
    :return: the MainNames of the process
    """
    if any(isinstance(each, _core.Messenger) for each in flat(arguments)):
        refuse(
            name,
            machine,
            "a messenger among its arguments has its other end on this machine: let it send and receive through its "
            "host",
        )
    # The main module is not imported there, where its file need not be: what is of it travels by value.
    names = MainNames(())
    pickled = dumps((messenger_type, call), names)
    if not PICKLES_BY_VALUE and b"__main__" in pickled:
        refuse(
            name,
            machine,
            "what is of the main module travels there by value, which needs the package cloudpickle (Debian: "
            "python3-cloudpickle), here and there: install it, or put target and arguments into a module that is "
            "there, too",
        )
    path = [os.path.abspath(each) for each in sys.path]  # '' stands for the working directory
    sent = pickle.dumps({"path": path, "argv": sys.argv, "identity": identity, "pickled": pickled}, 4)
    try:
        worker.start_sent(sent)
    except StartError as error:
        raise _explained(error, name, machine) from None
    return names


def _interpreter(machine):
    return machine.program_there or sys.executable


def _explained(error, name, machine):
    """Return the error of a start with what begin.py has said, or with what to do."""
    text = str(error)
    _, is_refused, said = text.partition(_MARK)
    if is_refused:
        text = f'worker "{name}" could not be started on "{machine.name}": ' + said.partition("\n")[0]
    elif f'its program "{_interpreter(machine)}"' in text:
        text += ". It is the interpreter: give the one that is there as Machine.program_there"
    return StartError(text, error.stage, error.error_number)
