"""What is looked at before a worker is started by multiprocessing."""

import multiprocessing
import os
import sys
import warnings

from ..main_module import refuse_unguarded

#: The exit code of a process of multiprocessing that starts workers while it imports the main module.
_NOT_GUARDED = 96


def check_main_module(name):
    """Raise StartError, or end the process, if the main module starts workers while a new process imports it.

    multiprocessing would report this in the new process alone, in many lines.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        text = (
            f"worker {name!r} is not started: a new program imports the main module again, which starts workers at "
            'once: put that behind  if __name__ == "__main__":'
        )
        refuse_unguarded(text)
        # multiprocessing imports it, for its own process or fork server. Nothing would catch an exception here.
        print(f"coproc: {text}", file=sys.stderr, flush=True)
        os._exit(_NOT_GUARDED)


def warn_of_threads(name):
    """Give a warning if this process, which is forked now for the worker of this name, has other threads."""
    # From Python 3.12 on os.fork gives this warning itself.
    if sys.version_info < (3, 12) and len(sys._current_frames()) > 1:
        warnings.warn(
            f"worker {name!r} is forked while this process has {len(sys._current_frames())} threads: locks that "
            "another thread holds stay locked in the worker for ever. Start workers before threads, use "
            "method='forkserver' or 'spawn', or say method='fork' if that is meant",
            RuntimeWarning,
            stacklevel=_level_of_caller(),
        )


def _level_of_caller():
    """Return the `stacklevel` of the line, for its caller's warning, that has called this package.

    A restart is called by whichever line has used the messenger.
    """
    package = os.path.dirname(os.path.dirname(__file__)) + os.sep
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    return level
