"""The process of a worker, which multiprocessing starts and reaps."""

import os
from multiprocessing import forkserver

from .. import _core
from ..errors import StartError
from ..main_module import main_left_to_worker
from . import inheritance


def start(proc, method, name):
    """Start the `multiprocessing.Process` of the worker of this name. Raises StartError."""
    try:
        if method == "forkserver":
            with inheritance.children_heard_of():
                forkserver.ensure_running()  # which may import the main module, once for all workers
        with main_left_to_worker():
            proc.start()
    except (EOFError, ConnectionError) as error:
        if method != "forkserver":
            raise
        raise StartError(
            f"worker {name!r} could not be started: multiprocessing's fork server has ended ({error!r}). Has it "
            'imported a main module that starts workers at once? Put that behind  if __name__ == "__main__":',
            "fork server",
        ) from error
    except OSError as error:
        raise StartError(f"worker {name!r} could not be started: {error}", method, error.errno or 0) from error


def close_handed_over(arguments):
    """Close the ends of pairs that were handed over to the worker."""
    for argument in arguments:
        if isinstance(argument, dict):
            argument = list(argument.values())
        several = argument if isinstance(argument, (list, tuple)) else [argument]
        if all(isinstance(each, _core.Messenger) for each in several):
            for end in several:
                if end._held is not None:
                    end.close()


def exit_code(proc, joins):
    """Return the exit code for the core, if the process has ended and the kernel does not tell this process how.

    That is so if its parent is a server, or it was reaped. Threads may ask at the same time, which a Process does not
    support.
    """
    if proc._parent_pid != os.getpid():
        return None
    with joins:
        proc.join(1)
        return proc.exitcode
