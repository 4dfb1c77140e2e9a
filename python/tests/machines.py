"""For tests of workers on other machines: this machine, reached by the launcher `env`, and targets of workers.

A worker imports the module of its target, so this one imports little.
"""

import contextlib
import os
import pathlib
import stat
import sys

import coproc

#: What a test stops or delays, and how busy this machine is, counts as no silence.
PATIENT = {"silence": 600}
#: It ends by the close request, however long that takes.
PATIENT_STOP = coproc.StopOptions(close=None)


def here(name="there", words=("env",), **options):
    return coproc.Machine(coproc.command(list(words)), name=name, **{**PATIENT, **options})


def children(parent):
    return [int(child) for child in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def child_named(parent, name):
    """Return the child with this name, as `ps` shows it; None if there is none."""
    for child in children(parent):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == name:
                return child
    return None


def near_agent():
    return child_named(os.getpid(), "coproc-near")


def far_agent():
    return child_named(near_agent(), "coproc-far")


def has_ended(pid):
    """Return whether the process is gone, or a zombie that nobody has reaped yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def script(path, text):
    """Write an executable script for /bin/sh, and return its path."""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


# ---- targets ----


def echo(messenger, greeting=""):
    while True:
        value = messenger.receive_blocking()
        messenger.send_reply(greeting + value if greeting else value)


def wait(messenger):
    messenger.receive_blocking()


class Counter:
    def __init__(self, messenger, first):
        self.messenger, self.count = messenger, first

    def __call__(self):
        while True:
            self.count += self.messenger.receive_blocking()
            self.messenger.send_reply(self.count)


def tell_of_itself(messenger):
    import multiprocessing
    import random

    messenger.send_norequest(
        (coproc.this_worker.number(), coproc.this_worker.seed(), random.random(), sys.argv, sys.stdin.read())
    )
    messenger.send_norequest(multiprocessing.parent_process() is None)


def fail(messenger, error):
    messenger.send_norequest("before")
    raise error


def print_much(messenger):
    print("to stdout", flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    print("at the end")  # which is flushed then
